// A store of keys and values like an in-memory database: a hash table that doubles
// a bucket at a time, and strings that are set, appended to and deleted.
#include "common.h"

enum { COMMANDS = 600000, KEYS = 60000, LEAST_BUCKETS = 1024, LONGEST = 4096 };

typedef struct entry {
    struct entry *next;
    char *key, *value;
    size_t length;
} entry;

typedef struct { entry **buckets; size_t count; } table;

// While entries are on their way from the old table to the new one, both hold some.
static table old, current;
static size_t moved, entries;

static size_t hash(const char *key) {
    uint64_t hash = 14695981039346656037u;
    while (*key) hash = (hash ^ (unsigned char)*key++) * 1099511628211u;
    return hash ^ hash >> 29;
}

static table table_new(size_t count) {
    return (table){(entry **)must(calloc(count, sizeof(entry *))), count};
}

static entry **bucket(table *in, const char *key) {
    return in->count ? &in->buckets[hash(key) % in->count] : NULL;
}

static void move_one_bucket(void) {
    if (!old.count) return;
    for (entry *moving = old.buckets[moved], *next; moving; moving = next) {
        entry **target = bucket(&current, moving->key);
        next = moving->next;
        moving->next = *target;
        *target = moving;
    }
    old.buckets[moved] = NULL;
    if (++moved < old.count) return;
    free(old.buckets);
    old = (table){NULL, 0};
}

static void grow(void) {
    if (old.count || entries < current.count) return;
    old = current;
    current = table_new(2 * old.count);
    moved = 0;
}

static entry **find_in(entry **link, const char *key) {
    while (link && *link && strcmp((*link)->key, key)) link = &(*link)->next;
    return link && *link ? link : NULL;
}

static entry **find(const char *key) {
    entry **found = find_in(bucket(&current, key), key);
    return found ? found : find_in(bucket(&old, key), key);
}

static entry *insert(const char *key) {
    entry **place = bucket(&current, key);
    entry *made = (entry *)must(malloc(sizeof(entry)));
    *made = (entry){*place, (char *)must(strdup(key)), NULL, 0};
    entries++;
    return *place = made;
}

static void delete(entry **link) {
    entry *gone = *link;
    *link = gone->next;
    free(gone->key);
    free(gone->value);
    free(gone);
    entries--;
}

static void set(entry *in, size_t length, char fill) {
    free(in->value);
    in->value = (char *)must(malloc(length));
    in->length = length;
    memset(in->value, fill, length);
}

static void append(entry *to, size_t length, char fill) {
    if (to->length > LONGEST) return set(to, length, fill);
    to->value = (char *)must(realloc(to->value, to->length + length));
    memset(to->value + to->length, fill, length);
    to->length += length;
}

static void command(rng *random) {
    char key[32];
    snprintf(key, sizeof key, "user:%zu:name", rng_below(random, KEYS));
    entry **found = find(key);
    size_t kind = rng_below(random, 10), length = rng_size(random, 3, 9);
    if (kind < 3 && found) delete(found);
    else if (kind < 7) set(found ? *found : insert(key), length, (char)kind);
    else append(found ? *found : insert(key), length / 2, (char)kind);
    move_one_bucket();
    grow();
}

static size_t tear_down(table *all) {
    size_t bytes = 0;
    for (size_t i = 0; i < all->count; i++)
        while (all->buckets[i]) {
            bytes += all->buckets[i]->length;
            delete(&all->buckets[i]);
        }
    free(all->buckets);
    return bytes;
}

int main(int argc, char **argv) {
    rng random = {12};
    current = table_new(LEAST_BUCKETS);
    for (size_t left = share_of(COMMANDS, argc, argv); left; left--) command(&random);
    size_t count = entries;
    size_t bytes = tear_down(&old) + tear_down(&current);
    printf("%zu %zu\n", count, bytes);
}
