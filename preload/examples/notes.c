/*
 * Notes that all of a user's processes share, in a heap with a name.
 *
 *     cargo build --release -p anymem-preload
 *     cc -o notes preload/examples/notes.c -Ipreload/include \
 *         -Ltarget/release -lanymem -Wl,-rpath,$PWD/target/release
 *     ./notes add "buy milk" && ./notes add "call home"
 *     ./notes list
 *     ./notes remove
 *
 * Any number of them may run at once. A list of the heap's offsets leads from the newest note
 * to the oldest: pointers would mean something else in each process.
 */
#include "anymem.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEAP_SIZE ((size_t)4 << 20)

/* Says what the root is, and changes when that does. */
static const char NOTES[] = "notes, version 1";

struct notes {
    _Atomic anymem_offset newest;
    atomic_size_t count;
};

struct note {
    anymem_offset older;
    size_t length;
    char text[];
};

/* Ends the program with what the library says about a failure. */
static void must(anymem_status status, const char *what) {
    if (status != ANYMEM_OK) {
        fprintf(stderr, "notes: %s: %s\n", what, anymem_last_error());
        exit(1);
    }
}

/* The list in the heap; the first process to ask makes it. */
static struct notes *notes_of(anymem_heap *heap) {
    anymem_offset at;
    if (anymem_find(heap, "notes", NOTES, sizeof(struct notes), &at) == ANYMEM_MISSING) {
        must(anymem_allocate(heap, sizeof(struct notes), 0, &at), "no room");
        memset(anymem_pointer(heap, at, sizeof(struct notes)), 0, sizeof(struct notes));
        anymem_status bound = anymem_bind(heap, "notes", NOTES, sizeof(struct notes), at);
        if (bound == ANYMEM_EXISTS) {
            /* Another process was quicker. */
            anymem_free(heap, at);
            bound = anymem_find(heap, "notes", NOTES, sizeof(struct notes), &at);
        }
        must(bound, "no list");
    }
    return anymem_pointer(heap, at, sizeof(struct notes));
}

static void add(anymem_heap *heap, const char *text) {
    struct notes *notes = notes_of(heap);
    size_t length = strlen(text);
    anymem_offset at;
    must(anymem_allocate(heap, sizeof(struct note) + length, 0, &at), "no room");
    struct note *note = anymem_pointer(heap, at, sizeof(struct note) + length);
    note->length = length;
    memcpy(note->text, text, length);
    note->older = atomic_load(&notes->newest);
    while (!atomic_compare_exchange_weak(&notes->newest, &note->older, at)) {
    }
    atomic_fetch_add(&notes->count, 1);
}

/* The note at an offset; the numbers of a damaged heap may lead out of it. */
static struct note *note_at(anymem_heap *heap, anymem_offset at) {
    struct note *note = anymem_pointer(heap, at, sizeof *note);
    if (note == NULL || note->length > HEAP_SIZE ||
        anymem_pointer(heap, at, sizeof *note + note->length) == NULL) {
        fprintf(stderr, "notes: the heap is damaged\n");
        exit(1);
    }
    return note;
}

static void list(anymem_heap *heap) {
    struct notes *notes = notes_of(heap);
    anymem_offset at = atomic_load(&notes->newest);
    while (at != 0) {
        struct note *note = note_at(heap, at);
        printf("%.*s\n", (int)note->length, note->text);
        at = note->older;
    }
    printf("%zu notes\n", atomic_load(&notes->count));
}

int main(int argc, char **argv) {
    const char *name = getenv("NOTES") != NULL ? getenv("NOTES") : "notes";
    const char *command = argc > 1 ? argv[1] : "";
    if (strcmp(command, "remove") == 0) {
        must(anymem_unlink(name), "nothing removed");
        return 0;
    }
    anymem_heap *heap;
    must(anymem_open_or_create(name, HEAP_SIZE, &heap), "no heap");
    if (strcmp(command, "add") == 0 && argc == 3) {
        add(heap, argv[2]);
    } else if (strcmp(command, "list") == 0) {
        list(heap);
    } else {
        fprintf(stderr, "usage: notes add TEXT | notes list | notes remove\n");
        return 2;
    }
    must(anymem_close(heap), "not closed");
    return 0;
}
