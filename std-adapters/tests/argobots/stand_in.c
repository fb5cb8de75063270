/* NOT Argobots: a stand-in with the few of its functions that the tests need, for machines
 * where libabt.so is not installed. User-level threads are contexts of the C library; the
 * execution streams of a pool are threads that take them out in order, so whoever switches
 * mostly goes on on another thread.
 *
 * A user-level thread that switches away is still on its stack until the stream is back in
 * its loop. So what makes it known to others again (putting it into the pool, unlocking the
 * list it waits in) is left to the stream, which does it then: its "pending" step.
 *
 * The thread that calls ABT_init runs no user-level threads here, and is like any other
 * thread of the system. */
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <ucontext.h>

#define SUCCESS 0
#define ERR_UNINITIALIZED 1
#define ERR_MEM 2
#define ERR_INV_XSTREAM 4

#define STACK (256 * 1024)
#define VALUES 64

typedef struct Key {
    void (*destructor)(void *);
    int number;
} Key;

typedef struct Value {
    Key *key;
    void *value;
} Value;

typedef struct Pool Pool;

typedef struct Ult {
    ucontext_t context;
    void *stack;
    void (*run)(void *);
    void *argument;
    uint64_t id;
    Pool *pool;
    struct Ult *next;
    Value values[VALUES];
    int ended;
} Ult;

struct Pool {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    Ult *first, *last;
    int closed;
};

typedef struct Stream {
    ucontext_t loop;
    pthread_t thread;
    int rank;
    Pool *pool;
    Ult *current;
    /* What to do once the current one is off its stack. */
    enum { NOTHING, READY, UNLOCK, END } pending;
    pthread_mutex_t *locked;
} Stream;

typedef struct Eventual {
    pthread_mutex_t lock;
    pthread_cond_t set;
    int ready;
    Ult *waiting;
} Eventual;

static int running;
static int next_rank = 1;
static int next_key;
static uint64_t next_id = 1;
static _Thread_local Stream *stream;

/* Never inlined: a function that switches may go on on another thread, and must not keep
 * the address of the former one's variable. */
static __attribute__((noinline)) Stream *here(void)
{
    Stream *found = stream;
    __asm__ volatile("" ::: "memory");
    return found;
}

static void push(Pool *pool, Ult *ult)
{
    pthread_mutex_lock(&pool->lock);
    ult->next = NULL;
    if (pool->first)
        pool->last->next = ult;
    else
        pool->first = ult;
    pool->last = ult;
    pthread_cond_broadcast(&pool->changed);
    pthread_mutex_unlock(&pool->lock);
}

/* The next one; NULL once the pool is closed and empty. */
static Ult *pop(Pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    while (!pool->first && !pool->closed)
        pthread_cond_wait(&pool->changed, &pool->lock);
    Ult *ult = pool->first;
    if (ult)
        pool->first = ult->next;
    pthread_mutex_unlock(&pool->lock);
    return ult;
}

static void end(Ult *ult)
{
    Pool *pool = ult->pool;
    pthread_mutex_lock(&pool->lock);
    ult->ended = 1;
    pthread_cond_broadcast(&pool->changed);
    pthread_mutex_unlock(&pool->lock);
}

static void *attend(void *argument)
{
    Stream *self = stream = argument;
    Ult *ult;
    while ((ult = pop(self->pool))) {
        self->current = ult;
        swapcontext(&self->loop, &ult->context);
        self->current = NULL;
        switch (self->pending) {
        case READY: push(ult->pool, ult); break;
        case UNLOCK: pthread_mutex_unlock(self->locked); break;
        case END: end(ult); break;
        case NOTHING: abort();
        }
        self->pending = NOTHING;
    }
    return NULL;
}

static void switch_away(int pending, pthread_mutex_t *locked)
{
    Stream *self = here();
    Ult *ult = self->current;
    self->pending = pending;
    self->locked = locked;
    swapcontext(&ult->context, &self->loop);
}

static void begin(unsigned high, unsigned low)
{
    Ult *ult = (Ult *)((uintptr_t)high << 32 | low);
    ult->run(ult->argument);
    switch_away(END, NULL);
}

int ABT_init(int argc, char **argv)
{
    (void)argc, (void)argv;
    running = 1;
    return SUCCESS;
}

int ABT_finalize(void)
{
    running = 0;
    return SUCCESS;
}

int ABT_initialized(void)
{
    return running ? SUCCESS : ERR_UNINITIALIZED;
}

int ABT_pool_create_basic(int kind, int access, int automatic, Pool **pool)
{
    (void)kind, (void)access, (void)automatic;
    if (!(*pool = calloc(1, sizeof **pool)))
        return ERR_MEM;
    pthread_mutex_init(&(*pool)->lock, NULL);
    pthread_cond_init(&(*pool)->changed, NULL);
    return SUCCESS;
}

int ABT_xstream_create_basic(int scheduler, int pools, Pool **pool, void *config, Stream **new)
{
    (void)scheduler, (void)pools, (void)config;
    if (!(*new = calloc(1, sizeof **new)))
        return ERR_MEM;
    (*new)->pool = *pool;
    (*new)->rank = __atomic_fetch_add(&next_rank, 1, __ATOMIC_RELAXED);
    return pthread_create(&(*new)->thread, NULL, attend, *new) ? ERR_MEM : SUCCESS;
}

int ABT_xstream_join(Stream *self)
{
    pthread_mutex_lock(&self->pool->lock);
    self->pool->closed = 1;
    pthread_cond_broadcast(&self->pool->changed);
    pthread_mutex_unlock(&self->pool->lock);
    pthread_join(self->thread, NULL);
    return SUCCESS;
}

int ABT_xstream_free(Stream **self)
{
    free(*self);
    *self = NULL;
    return SUCCESS;
}

int ABT_xstream_self_rank(int *rank)
{
    if (!here())
        return ERR_INV_XSTREAM;
    *rank = here()->rank;
    return SUCCESS;
}

int ABT_thread_create(Pool *pool, void (*run)(void *), void *argument, void *attributes, Ult **new)
{
    (void)attributes;
    Ult *ult = calloc(1, sizeof *ult);
    if (!ult || !(ult->stack = malloc(STACK)))
        return ERR_MEM;
    ult->run = run;
    ult->argument = argument;
    ult->pool = pool;
    ult->id = __atomic_fetch_add(&next_id, 1, __ATOMIC_RELAXED);
    getcontext(&ult->context);
    ult->context.uc_stack.ss_sp = ult->stack;
    ult->context.uc_stack.ss_size = STACK;
    uintptr_t address = (uintptr_t)ult;
    makecontext(&ult->context, (void (*)(void))begin, 2, (unsigned)(address >> 32),
                (unsigned)address);
    *new = ult;
    push(pool, ult);
    return SUCCESS;
}

int ABT_thread_free(Ult **which)
{
    Ult *ult = *which;
    pthread_mutex_lock(&ult->pool->lock);
    while (!ult->ended)
        pthread_cond_wait(&ult->pool->changed, &ult->pool->lock);
    pthread_mutex_unlock(&ult->pool->lock);
    for (int i = 0; i < VALUES; i++) {
        Value *value = &ult->values[i];
        if (value->key && value->key->destructor && value->value)
            value->key->destructor(value->value);
    }
    free(ult->stack);
    free(ult);
    *which = NULL;
    return SUCCESS;
}

int ABT_thread_self_id(uint64_t *id)
{
    if (!here())
        return ERR_INV_XSTREAM;
    *id = here()->current->id;
    return SUCCESS;
}

int ABT_thread_yield(void)
{
    if (!here())
        return ERR_INV_XSTREAM;
    switch_away(READY, NULL);
    return SUCCESS;
}

int ABT_key_create(void (*destructor)(void *), Key **new)
{
    if (!(*new = malloc(sizeof **new)))
        return ERR_MEM;
    (*new)->destructor = destructor;
    (*new)->number = __atomic_fetch_add(&next_key, 1, __ATOMIC_RELAXED) % VALUES;
    return SUCCESS;
}

/* Leaks the key: values of it may still be set. */
int ABT_key_free(Key **key)
{
    (*key)->destructor = NULL;
    *key = NULL;
    return SUCCESS;
}

int ABT_key_get(Key *key, void **value)
{
    if (!here())
        return ERR_INV_XSTREAM;
    Value *found = &here()->current->values[key->number];
    *value = found->key == key ? found->value : NULL;
    return SUCCESS;
}

int ABT_key_set(Key *key, void *value)
{
    if (!here())
        return ERR_INV_XSTREAM;
    here()->current->values[key->number] = (Value){ key, value };
    return SUCCESS;
}

int ABT_eventual_create(int bytes, Eventual **new)
{
    (void)bytes;
    if (!(*new = calloc(1, sizeof **new)))
        return ERR_MEM;
    pthread_mutex_init(&(*new)->lock, NULL);
    pthread_cond_init(&(*new)->set, NULL);
    return SUCCESS;
}

int ABT_eventual_free(Eventual **which)
{
    /* Whoever sets it may still have the lock. */
    pthread_mutex_lock(&(*which)->lock);
    pthread_mutex_unlock(&(*which)->lock);
    free(*which);
    *which = NULL;
    return SUCCESS;
}

int ABT_eventual_wait(Eventual *eventual, void **value)
{
    (void)value;
    pthread_mutex_lock(&eventual->lock);
    if (here() && !eventual->ready) {
        Ult *ult = here()->current;
        ult->next = eventual->waiting;
        eventual->waiting = ult;
        switch_away(UNLOCK, &eventual->lock);
        return SUCCESS;
    }
    while (!eventual->ready)
        pthread_cond_wait(&eventual->set, &eventual->lock);
    pthread_mutex_unlock(&eventual->lock);
    return SUCCESS;
}

int ABT_eventual_set(Eventual *eventual, void *value, int bytes)
{
    (void)value, (void)bytes;
    pthread_mutex_lock(&eventual->lock);
    eventual->ready = 1;
    Ult *ult = eventual->waiting;
    eventual->waiting = NULL;
    while (ult) {
        Ult *next = ult->next;
        push(ult->pool, ult);
        ult = next;
    }
    pthread_cond_broadcast(&eventual->set);
    pthread_mutex_unlock(&eventual->lock);
    return SUCCESS;
}
