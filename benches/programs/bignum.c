// Symbolic algebra: powers of polynomials whose coefficients are exact integers,
// each in a block of its own that is as large as the number.
#include "common.h"

enum { ROUNDS = 150, POWER = 300 };

typedef struct { uint32_t length, limbs[]; } natural;

static natural *natural_new(uint32_t length) {
    natural *made = (natural *)must(malloc(sizeof(natural) + length * sizeof(uint32_t)));
    made->length = length;
    return made;
}

static natural *one(void) {
    natural *made = natural_new(1);
    made->limbs[0] = 1;
    return made;
}

static uint32_t limb(const natural *of, uint32_t index) {
    return index < of->length ? of->limbs[index] : 0;
}

// Returns a + times * b, in a block that has no limb too many.
static natural *multiply_add(const natural *a, const natural *b, uint32_t times) {
    uint32_t longer = a->length > b->length ? a->length : b->length;
    natural *sum = natural_new(longer + 1);
    uint64_t carry = 0;
    for (uint32_t i = 0; i <= longer; i++) {
        carry += (uint64_t)times * limb(b, i) + limb(a, i);
        sum->limbs[i] = (uint32_t)carry;
        carry >>= 32;
    }
    while (sum->length > 1 && !sum->limbs[sum->length - 1]) sum->length--;
    return (natural *)must(realloc(sum, sizeof(natural) + sum->length * sizeof(uint32_t)));
}

// Multiplies a polynomial of `terms` terms, which has room for one more, by
// `times` x + 1.
static void multiply(natural **polynomial, size_t terms, uint32_t times) {
    static const natural zero = {1, {0}};
    natural *below = NULL;
    for (size_t i = 0; i <= terms; i++) {
        natural *own = i < terms ? polynomial[i] : NULL;
        polynomial[i] = multiply_add(own ? own : &zero, below ? below : &zero, times);
        free(below);
        below = own;
    }
    free(below);
}

static uint64_t checksum(natural **polynomial, size_t terms) {
    uint64_t sum = 0;
    for (size_t i = 0; i < terms; i++)
        for (uint32_t at = 0; at < polynomial[i]->length; at++)
            sum = sum * 31 + polynomial[i]->limbs[at];
    return sum;
}

int main(int argc, char **argv) {
    natural *polynomial[POWER + 1];
    uint64_t sum = 0;
    for (size_t round = share_of(ROUNDS, argc, argv); round; round--) {
        polynomial[0] = one();
        for (size_t terms = 1; terms <= POWER; terms++) multiply(polynomial, terms, 3);
        sum += checksum(polynomial, POWER + 1);
        for (size_t i = 0; i <= POWER; i++) free(polynomial[i]);
    }
    printf("%llu\n", (unsigned long long)sum);
}
