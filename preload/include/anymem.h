/*
 * Heaps that processes share.
 *
 * Link with -lanymem. Most calls answer with a status; what a call yields
 * besides goes where its last argument points, and only if all went well.
 * A block is named by its offset, the same in every process.
 *
 * Any thread may call anything; a handle is closed once. Under "Safety" stands
 * what the caller has to see to.
 *
 * Generated from the sources: do not edit.
 */

#ifndef ANYMEM_H
#define ANYMEM_H

#include <stddef.h>
#include <stdint.h>

/*
 What a call answers.
 */
typedef enum anymem_status {
  /*
   All went well.
   */
  ANYMEM_OK = 0,
  /*
   An argument makes no sense: null, or not one of what there is.
   */
  ANYMEM_INVALID = 1,
  /*
   A heap or root of that name exists.
   */
  ANYMEM_EXISTS = 2,
  /*
   There is no heap or root of that name.
   */
  ANYMEM_MISSING = 3,
  /*
   There is no room: in the heap, in its file system or for its name.
   */
  ANYMEM_FULL = 4,
  /*
   The system does not permit it, or the heap is read-only.
   */
  ANYMEM_NOT_PERMITTED = 5,
  /*
   What was found is not a heap, or one of another version or layout.
   */
  ANYMEM_NOT_A_HEAP = 6,
  /*
   The heap's or the root's own numbers make no sense.
   */
  ANYMEM_DAMAGED = 7,
  /*
   It is being created, or in use: try again later.
   */
  ANYMEM_BUSY = 8,
  /*
   The root is of another type.
   */
  ANYMEM_OTHER_TYPE = 9,
  /*
   No block that is in use starts there.
   */
  ANYMEM_NOT_A_BLOCK = 10,
  /*
   A system call failed in a way that nothing above describes.
   */
  ANYMEM_SYSTEM = 11,
} anymem_status;

/*
 A heap that this process has open. Any thread may use it.
 */
typedef struct anymem_heap anymem_heap;

/*
 Where something is in a heap, in bytes from its start: the same in every
 process. 0 is nowhere.
 */
typedef uint64_t anymem_offset;

/*
 What a heap holds. All numbers are bytes unless they say otherwise.
 */
typedef struct anymem_stats {
  /*
   Length of the heap, its own tables included.
   */
  size_t reserved;
  /*
   Bytes with space behind them.
   */
  size_t committed;
  /*
   Bytes that blocks could ever take.
   */
  size_t capacity;
  /*
   Bytes in blocks that are in use, rounded up to their block sizes.
   */
  size_t live;
  /*
   Blocks in use.
   */
  size_t live_blocks;
  /*
   Frees of blocks that were free already, seen and ignored so far.
   */
  size_t double_frees;
} anymem_stats;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/*
 What a status means, in a few words.
 */
const char *anymem_status_text(int status);

/*
 What the calling thread's last failure was, with names and numbers and what
 to do about it; empty if there was none.

 The text stays until the thread's next failure.
 */
const char *anymem_last_error(void);

/*
 Creates the heap `name` of `size` bytes, which no other heap may have.

 # Safety

 `name` is a text; `heap` can be written.
 */
enum anymem_status anymem_create(const char *name,
                                 size_t size,
                                 struct anymem_heap **heap);

/*
 Opens the heap `name`, or creates it if there is none.

 # Safety

 As for `anymem_create`.
 */
enum anymem_status anymem_open_or_create(const char *name,
                                         size_t size,
                                         struct anymem_heap **heap);

/*
 Opens the heap `name`.

 # Safety

 As for `anymem_create`.
 */
enum anymem_status anymem_open(const char *name, struct anymem_heap **heap);

/*
 Opens the heap `name` for reading only.

 # Safety

 As for `anymem_create`.
 */
enum anymem_status anymem_open_read_only(const char *name,
                                         struct anymem_heap **heap);

/*
 Creates a heap without a name; `label` is for people. Other processes get it
 by its file (see `anymem_file`).

 # Safety

 As for `anymem_create`.
 */
enum anymem_status anymem_create_memory_file(const char *label,
                                             size_t size,
                                             struct anymem_heap **heap);

/*
 Opens the heap in a file that another process handed over. The descriptor
 stays the caller's.

 # Safety

 `heap` can be written.
 */
enum anymem_status anymem_attach(int file, struct anymem_heap **heap);

/*
 The descriptor of the heap's file, to hand to another process; -1 for null.
 It is closed with the heap.

 # Safety

 `heap` is null or an open handle.
 */
int anymem_file(const struct anymem_heap *heap);

/*
 Closes a handle. With the last one of this process the heap is unmapped;
 others who have it open, its contents and its name stay.

 # Safety

 `heap` is null or an open handle, which is not used afterwards. If it is the
 last one, nothing in the heap is in use in this process.
 */
enum anymem_status anymem_close(struct anymem_heap *heap);

/*
 Takes the name `name` away from its heap, which goes when no process has it
 open any more.

 # Safety

 `name` is a text.
 */
enum anymem_status anymem_unlink(const char *name);

/*
 Takes back what dead processes held, as is done by itself when heap slots run
 out; how many slots that were.

 # Safety

 `heap` is null or an open handle.
 */
size_t anymem_recover(const struct anymem_heap *heap);

/*
 Allocates a block of `size` bytes, aligned to `align` in this process: a
 power of two, or 0 for what suits any plain type.

 # Safety

 `heap` is an open handle; `at` can be written.
 */
enum anymem_status anymem_allocate(const struct anymem_heap *heap,
                                   size_t size,
                                   size_t align,
                                   anymem_offset *at);

/*
 Frees a block, whichever process allocated it. 0 is left alone.

 # Safety

 `heap` is an open handle; no process uses the block afterwards.
 */
enum anymem_status anymem_free(const struct anymem_heap *heap,
                               anymem_offset at);

/*
 Bytes of a block that may be used; 0 where no block starts.

 # Safety

 `heap` is null or an open handle.
 */
size_t anymem_usable_size(const struct anymem_heap *heap, anymem_offset at);

/*
 The address in this process of `size` bytes at `at`; null if they are not
 all in the heap, or `at` is 0.

 # Safety

 `heap` is null or an open handle.
 */
void *anymem_pointer(const struct anymem_heap *heap,
                     anymem_offset at,
                     size_t size);

/*
 The offset of an address; 0 if it is not in the heap.

 # Safety

 `heap` is null or an open handle.
 */
anymem_offset anymem_offset_of(const struct anymem_heap *heap,
                               const void *place);

/*
 Names the value at `at`, so that any process finds it. `type_name` says of
 which type it is and should change when the type does; `size` is its size.

 # Safety

 `heap` is an open handle; `name` and `type_name` are texts; such a value is
 there, and stays for as long as it has a name.
 */
enum anymem_status anymem_bind(const struct anymem_heap *heap,
                               const char *name,
                               const char *type_name,
                               size_t size,
                               anymem_offset at);

/*
 Finds the value `name` of that type and size.

 # Safety

 `heap` is an open handle; `name` and `type_name` are texts; `at` can be
 written.
 */
enum anymem_status anymem_find(const struct anymem_heap *heap,
                               const char *name,
                               const char *type_name,
                               size_t size,
                               anymem_offset *at);

/*
 Takes the name away from its value; where that is goes to `at`.

 # Safety

 As for `anymem_find`.
 */
enum anymem_status anymem_unbind(const struct anymem_heap *heap,
                                 const char *name,
                                 const char *type_name,
                                 size_t size,
                                 anymem_offset *at);

/*
 Counts what the heap holds; exact while nobody allocates.

 # Safety

 `heap` is an open handle; `stats` can be written.
 */
enum anymem_status anymem_count(const struct anymem_heap *heap,
                                struct anymem_stats *stats);

/*
 Writes the profile of the program's own allocations so far to the file
 `path`, for pprof. There is one if the program was started with
 ANYMEM_PROFILE.

 # Safety

 `path` is a text.
 */
enum anymem_status anymem_profile_write(const char *path);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* ANYMEM_H */
