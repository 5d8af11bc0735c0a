/* Sets of samples in shards, and epochs over them, in C: with locum.h, in the same library. A sample is a value
 * as that of locum_files_save(). Statuses, handles, options and deadlines are as in locum.h; any thread may
 * call, but one thread at a time locum_epochs_next() and locum_epochs_skip(). See docs/guide/shards.md. */
#ifndef LOCUM_LOCUM_SHARDS_H
#define LOCUM_LOCUM_SHARDS_H

#include <locum/locum_files.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct locum_shards_handle *locum_shards;
typedef struct locum_shard_handle *locum_shard;
typedef struct locum_epochs_handle *locum_epochs;

/* ---- Shards ---- */

/* How shards are written. */
typedef struct locum_shards_options {
  const char *codec;    /* what compresses a block: "zstd(3)", "lz4", "gzip(6)", "": nothing; NULL: "zstd(7)" */
  uint64_t block_bytes; /* what is read and decoded for one sample, 1 KiB to 1 GiB; 0: 64 KiB */
  uint64_t readonly;    /* 1: locum_shards_set() and locum_shards_remove() are LOCUM_UNSUPPORTED, and a set
                         * without shards is LOCUM_NOT_FOUND, whose text says what is there instead */
  uint64_t reserved[4]; /* 0 */
} locum_shards_options;

/* Opens the shards in a folder of files, which need not exist; `folder` NULL: their own. The shards keep the
 * files. Close them. */
LOCUM_CHECKED locum_status locum_shards_open(locum_files files, const char *folder,
                                             const locum_shards_options *options, locum_shards *shards);
/* Opens the shards at a URL, "file:///scratch/train", for this process alone; "tmp:" is a folder that is
 * removed with its last handle; "readonly+" in front refuses to write. */
LOCUM_CHECKED locum_status locum_shards_open_url(const char *url, const locum_shards_options *options,
                                                 locum_shards *shards);
/* Opens the shards that are objects of a store, under names that end with ".shard". */
LOCUM_CHECKED locum_status locum_shards_open_store(locum_store store, const locum_shards_options *options,
                                                   locum_shards *shards);
/* Releases the handle; the shards, and handles of single ones, stay. Sets *shards to NULL. */
LOCUM_API locum_status locum_shards_close(locum_shards *shards);

/* Writes `count` samples as a shard: each rank finds it, whole, when this returns. `key`: 1 to 200 bytes; NULL:
 * a new one. `given`, which may be NULL, gets the key as its only name; release it. LOCUM_KEY_EXISTS;
 * LOCUM_INVALID_ARGUMENT for a bad key or sample, LOCUM_CORRUPT for one that is said to be a stored Record and is
 * none; in front of the text is the number of the sample. */
LOCUM_CHECKED locum_status locum_shards_set(locum_shards shards, const char *key, size_t count,
                                            const locum_array *samples, double deadline_s,
                                            locum_names *given);
/* The same of the samples that `next` sets, one after the other, until it returns LOCUM_END_OF_STREAM. The
 * memory of a sample must stay until the next call of `next`, or the end. Another status ends this call with
 * it: nothing was written then. */
LOCUM_CHECKED locum_status locum_shards_set_each(locum_shards shards, const char *key,
                                                 locum_status (*next)(locum_array *sample, void *context),
                                                 void *context, double deadline_s, locum_names *given);
/* Lists at most `most` keys behind `after` (NULL: from the first), ascending; fewer: there are no more. Release
 * the list. */
LOCUM_CHECKED locum_status locum_shards_keys(locum_shards shards, const char *after, size_t most,
                                             double deadline_s, locum_names *keys);
/* Gives samples and bytes of each shard by key, ascending: a stored Record, a list of members `key`, `samples`
 * and `bytes`. Release the view. */
LOCUM_CHECKED locum_status locum_shards_index(locum_shards shards, double deadline_s, locum_view *view);
/* Removes a shard; `existed` may be NULL. Of shards that are open, those in files stay
 * readable, those in objects are LOCUM_STALE. */
LOCUM_API locum_status locum_shards_remove(locum_shards shards, const char *key, double deadline_s,
                                           bool *existed);
/* Opens a shard: its index is read, no sample. LOCUM_NOT_FOUND; LOCUM_CORRUPT; LOCUM_TYPE_MISMATCH if a program
 * in C++ has written samples of a type of its own. Release it. */
LOCUM_CHECKED locum_status locum_shards_get(locum_shards shards, const char *key, double deadline_s,
                                            locum_shard *shard);
LOCUM_CHECKED locum_status locum_shard_count(locum_shard shard, uint64_t *count);
/* Reads one sample, and of the others at most those that are compressed together with it. It is given as
 * locum_files_load() gives what a file holds. Release the view. */
LOCUM_CHECKED locum_status locum_shard_sample(locum_shard shard, uint64_t number, double deadline_s,
                                              locum_view *view);
/* Releases the handle; views of samples stay valid. Sets *shard to NULL. */
LOCUM_API locum_status locum_shard_release(locum_shard *shard);

/* ---- Epochs ---- */

/* What happens to the samples that are left when each rank has got the same number. */
typedef enum locum_remainder {
  LOCUM_REMAINDER_EXACT = 0, /* the first ranks get one more: each sample comes once */
  LOCUM_REMAINDER_DROP = 1,  /* nobody gets them */
  LOCUM_REMAINDER_PAD = 2    /* the other ranks get samples from the beginning of the epoch again */
} locum_remainder;

typedef struct locum_epochs_options {
  uint64_t seed;
  uint64_t shuffle_block;   /* how many samples are shuffled together, less than 2^32; 0: as many as have 256 MiB
                             * in their files, but no more than 65536 */
  int32_t remainder;        /* a locum_remainder */
  bool in_order;            /* by key, and as they were stored: nothing is shuffled */
  bool no_read_ahead;       /* the next block is not read while one is used */
  bool skip_damaged;        /* leaves out samples that are damaged: see locum_epochs_damaged() */
  uint64_t first;           /* number of the first epoch */
  uint64_t count;           /* of epochs; 0: 1 */
  const locum_array *state; /* of all ranks, as locum_epochs_join() gives it: begins behind it; NULL: none */
  uint64_t reserved[4];     /* 0 */
} locum_epochs_options;

/* Opens the samples that are those of one rank of `ranks`, in an order that depends on the seed and the epoch
 * alone. Reads nothing yet. LOCUM_INVALID_ARGUMENT for a wrong option, or rank. Close it. */
LOCUM_CHECKED locum_status locum_epochs_open(locum_shards shards, uint64_t rank, uint64_t ranks,
                                             const locum_epochs_options *options, locum_epochs *epochs);
/* Gives the next sample, as locum_shard_sample() does. LOCUM_END_OF_STREAM behind the last one; LOCUM_NOT_FOUND
 * if there are no shards. After another error another call tries the same sample again, and
 * locum_epochs_skip() goes past it. Release the view. */
LOCUM_CHECKED locum_status locum_epochs_next(locum_epochs epochs, double deadline_s, locum_view *view);
/* Leaves out the next `count` samples as if they had been given, and reads none. `skipped`, which may be NULL:
 * how many there were, fewer at the end. */
LOCUM_CHECKED locum_status locum_epochs_skip(locum_epochs epochs, uint64_t count, double deadline_s,
                                             uint64_t *skipped);
/* Sets how many samples locum_epochs_next() has given, and locum_epochs_skip() left out. */
LOCUM_CHECKED locum_status locum_epochs_position(locum_epochs epochs, uint64_t *position);
/* Sets how many samples `skip_damaged` has left out; the position counts them, too. */
LOCUM_CHECKED locum_status locum_epochs_damaged(locum_epochs epochs, uint64_t *damaged);
/* Gives which samples were given so far, or, of locum_epochs_state_at(), when `position` were: a stored Record
 * of integers, texts, lists and members. Release the view. */
LOCUM_CHECKED locum_status locum_epochs_state(locum_epochs epochs, locum_view *view);
LOCUM_CHECKED locum_status locum_epochs_state_at(locum_epochs epochs, uint64_t position, locum_view *view);
/* Joins the states of all ranks, in any order. LOCUM_INVALID_ARGUMENT names the ranks whose state is missing or
 * is there twice. Release the view. */
LOCUM_CHECKED locum_status locum_epochs_join(size_t count, const locum_array *states, locum_view *view);
/* Releases the handle; views of samples stay valid. Sets *epochs to NULL. */
LOCUM_API locum_status locum_epochs_close(locum_epochs *epochs);

#ifdef __cplusplus
}
#endif

#endif
