-- Fills two tables, indexes, joins, changes and empties them. The table `scale`
-- says how large they are, in percent of the full size.
CREATE TABLE people(id INTEGER PRIMARY KEY, name TEXT, note TEXT);
CREATE TABLE visits(person INTEGER, place TEXT);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n, scale WHERE i < 1000 * percent)
INSERT INTO people SELECT i, 'name ' || (i * 7919 % 10007), hex(zeroblob(i % 97)) FROM n;
INSERT INTO visits SELECT id * 31 % 1009, 'place ' || (id % 211) FROM people;
CREATE INDEX by_name ON people(name);
CREATE INDEX by_place ON visits(place, person);
SELECT count(*), sum(length(note)) FROM people JOIN visits ON person = id;
SELECT place, count(*), length(group_concat(DISTINCT person)) FROM visits GROUP BY place
ORDER BY 2 DESC, 1 LIMIT 3;
UPDATE people SET note = note || name WHERE id % 3 = 0;
DELETE FROM people WHERE id % 2 = 0;
SELECT count(*), sum(length(note)) FROM people;
