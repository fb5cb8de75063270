// What an interpreter does: every number, pair, string and frame is a small block
// with a count of references.
#include "common.h"

enum { ROUNDS = 300, LENGTH = 4000, FIBONACCI = 19 };

typedef enum { NUMBER, PAIR, STRING } kind;

typedef struct value {
    unsigned references;
    kind kind;
    union {
        long number;
        struct { struct value *first, *rest; } pair;
        size_t length; // of the bytes of a string, which follow
    };
} value;

static value *value_new(kind kind, size_t bytes) {
    value *made = (value *)must(malloc(sizeof(value) + bytes));
    made->references = 1;
    made->kind = kind;
    return made;
}

static value *number(long of) {
    value *made = value_new(NUMBER, 0);
    made->number = of;
    return made;
}

// Takes both references over.
static value *pair(value *first, value *rest) {
    value *made = value_new(PAIR, 0);
    made->pair.first = first;
    made->pair.rest = rest;
    return made;
}

static value *string(size_t length) {
    value *made = value_new(STRING, length);
    made->length = length;
    return made;
}

static char *bytes(value *string) { return (char *)(string + 1); }

static value *keep(value *of) {
    of->references++;
    return of;
}

// A list is released without recursion along its spine.
static void drop(value *of) {
    while (of && --of->references == 0) {
        value *rest = NULL;
        if (of->kind == PAIR) {
            drop(of->pair.first);
            rest = of->pair.rest;
        }
        free(of);
        of = rest;
    }
}

static value *add(value *a, value *b) {
    value *sum = number(a->number + b->number);
    drop(a);
    drop(b);
    return sum;
}

// A call: a frame of boxed locals that ends with it.
static value *fibonacci(value *n) {
    value **frame = (value **)must(malloc(4 * sizeof(value *)));
    frame[0] = n;
    if (n->number < 2) {
        frame[1] = keep(n);
    } else {
        frame[2] = fibonacci(number(n->number - 1));
        frame[3] = fibonacci(number(n->number - 2));
        frame[1] = add(frame[2], frame[3]);
    }
    value *result = frame[1];
    drop(frame[0]);
    free(frame);
    return result;
}

static value *range(long length) {
    value *list = NULL;
    for (long i = length; i > 0; i--) list = pair(number(i), list);
    return list;
}

static value *squares(value *list) {
    value *reversed = NULL;
    for (value *at = list; at; at = at->pair.rest)
        reversed = pair(number(at->pair.first->number * at->pair.first->number), reversed);
    drop(list);
    return reversed;
}

// Joins all numbers of a list into one string, by repeated concatenation of a line
// at a time.
static value *joined(value *list) {
    value *line = string(0);
    for (value *at = list; at; at = at->pair.rest) {
        char digits[24];
        size_t more = (size_t)snprintf(digits, sizeof digits, "%ld ", at->pair.first->number);
        size_t before = line->length > 200 ? 0 : line->length;
        value *longer = string(before + more);
        memcpy(bytes(longer), bytes(line), before);
        memcpy(bytes(longer) + before, digits, more);
        drop(line);
        line = longer;
    }
    drop(list);
    return line;
}

int main(int argc, char **argv) {
    long sum = 0;
    for (size_t round = share_of(ROUNDS, argc, argv); round; round--) {
        value *result = fibonacci(number(FIBONACCI));
        value *line = joined(squares(range(LENGTH)));
        sum += result->number + (long)line->length;
        drop(result);
        drop(line);
    }
    printf("%ld\n", sum);
}
