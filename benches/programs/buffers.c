// Buffers that grow side by side through `realloc`: some by half of their size,
// some by a fixed step, up to megabytes; trimmed when they are full.
#include "common.h"

enum { BUFFERS = 16, APPENDS = 120000, FULL = 4 << 20, STEP = 64 << 10 };

typedef struct { char *bytes; size_t length, room; int steps; } buffer;

static void reserve(buffer *grown, size_t length) {
    if (length <= grown->room) return;
    size_t more = grown->steps ? STEP : grown->room / 2;
    grown->room = length > grown->room + more ? length : grown->room + more;
    grown->bytes = (char *)must(realloc(grown->bytes, grown->room));
}

static void append(buffer *grown, char value, size_t count) {
    reserve(grown, grown->length + count);
    memset(grown->bytes + grown->length, value, count);
    grown->length += count;
}

// Returns the sum of some of the bytes, and empties the buffer.
static size_t harvest(buffer *full) {
    full->bytes = (char *)must(realloc(full->bytes, full->length));
    size_t sum = 0;
    for (size_t at = 0; at < full->length; at += 1000) sum += (unsigned char)full->bytes[at];
    free(full->bytes);
    *full = (buffer){NULL, 0, 0, full->steps};
    return sum;
}

int main(int argc, char **argv) {
    buffer buffers[BUFFERS] = {0};
    rng random = {5};
    size_t sum = 0;
    for (int i = 0; i < BUFFERS; i++) buffers[i].steps = i % 2;
    for (size_t left = share_of(APPENDS, argc, argv); left; left--) {
        buffer *chosen = &buffers[rng_below(&random, BUFFERS)];
        append(chosen, (char)left, rng_size(&random, 5, 14));
        if (chosen->length > FULL) sum += harvest(chosen);
    }
    for (int i = 0; i < BUFFERS; i++)
        if (buffers[i].length) sum += harvest(&buffers[i]);
    printf("%zu\n", sum);
}
