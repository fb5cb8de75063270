-- A database in memory: filled, indexed, changed, asked, made smaller.
create table item (id integer primary key, name text, weight real, tag text);
with recursive n(i) as (select 1 union all select i + 1 from n where i < 150000)
insert into item select i, printf('item %07d', (i * 7919) % 150000), (i * 31 % 1000) / 7.0,
    hex(i * 2654435761 % 65536) from n;
create index by_name on item (name);
create index by_tag on item (tag, weight);
select count(*), round(sum(weight), 3), min(name), max(name) from item;
select tag, count(*), round(avg(weight), 3) from item group by tag order by 2 desc, 1 limit 20;
update item set name = name || ' changed', weight = weight * 2 where id % 3 = 0;
delete from item where id % 5 = 0;
select count(*), round(sum(weight), 3), sum(length(name)) from item;
select a.id, b.id from item a join item b on a.tag = b.tag and a.id < b.id
    where a.id < 2000 order by 1, 2 limit 50;
select group_concat(name, '; ') from (select name from item order by name limit 30);
create virtual table if not exists temp.words using fts5(body);
insert into words select name || ' ' || tag from item where id % 4 = 0;
select count(*) from words where words match 'changed';
vacuum;
pragma integrity_check;
