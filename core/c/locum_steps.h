/* Streams of steps in C. See locum.h for errors, handles and options. */
#ifndef LOCUM_LOCUM_STEPS_H
#define LOCUM_LOCUM_STEPS_H

#include <locum/locum_stores.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct locum_ranks_handle *locum_ranks;
typedef struct locum_step_writer_handle *locum_step_writer;
typedef struct locum_output_step_handle *locum_output_step;
typedef struct locum_step_reader_handle *locum_step_reader;
typedef struct locum_input_step_handle *locum_input_step;

/* Releases what locum_runtime_ranks() made (see locum_mpi.h). Sets *ranks to NULL. */
LOCUM_API locum_status locum_ranks_release(locum_ranks *ranks);

typedef enum locum_when_full {
  LOCUM_WAIT = 0,        /* until readers have released a step */
  LOCUM_FAIL = 1,        /* LOCUM_QUEUE_FULL */
  LOCUM_DROP_OLDEST = 2, /* the oldest step that no reader reads */
  LOCUM_DROP_NEWEST = 3  /* the step that is being written */
} locum_when_full;

typedef struct locum_step_writer_options {
  uint32_t queue_steps;        /* how many steps exist at a time; 0: 4 */
  uint64_t queue_bytes;        /* how many bytes of these; 0: no limit */
  int32_t when_full;           /* a locum_when_full */
  uint32_t rendezvous_readers; /* readers for which the first step waits */
  const char *file;            /* to which each step is written, too: .h5, or .zarr for Zarr; NULL: none */
  uint64_t reserved[4]; /* 0 */
} locum_step_writer_options;

/* Opens a stream of steps. Collective over the ranks. A writer is used by one thread at a time. */
LOCUM_CHECKED locum_status locum_step_writer_open(locum_ranks ranks, const char *stream,
                                                  const locum_step_writer_options *options,
                                                  locum_step_writer *writer);
/* Begins the next step; blocks until there is room for it. Also returns the error that ended the last one. */
LOCUM_CHECKED locum_status locum_step_begin(locum_step_writer writer, double deadline_s,
                                            locum_output_step *step);
/* Ends the stream. Collective; blocks until its readers have released all steps, or left. Sets *writer to
 * NULL. */
LOCUM_API locum_status locum_step_writer_close(locum_step_writer *writer, double deadline_s);
/* Fails the stream: behind the last step that all ranks have ended, its readers and its other ranks get
 * LOCUM_BROKEN_PROMISE, which names this rank. Not collective; blocks for a second at most. Sets *writer to
 * NULL. */
LOCUM_API locum_status locum_step_writer_abandon(locum_step_writer *writer);

/* Where an array is within a global one. Its extents are those of the block. */
typedef struct locum_block {
  int32_t rank;                  /* of the global array; 0: the array is local, of this rank alone */
  int64_t shape[LOCUM_MAX_RANK]; /* extents of the global array */
  int64_t start[LOCUM_MAX_RANK]; /* indices there of the array's first element */
} locum_block;

/* Writes an array of this rank, by one copy; `block` NULL: a local one. An array of rank 0 is a value that
 * one rank writes for all readers. */
LOCUM_CHECKED locum_status locum_step_put(locum_output_step step, const char *name, const locum_array *array,
                                          const locum_block *block, double deadline_s);
/* Makes memory for an array of this rank: reads its type, rank and extents, sets its data and strides. The
 * memory is not cleared, and is published when the step ends. */
LOCUM_CHECKED locum_status locum_step_create(locum_output_step step, const char *name, locum_array *array,
                                             const locum_block *block, double deadline_s);
/* Makes the memory of an array that locum_step_create() has given stay as long as the view: also after the
 * end of the step, its discard, and the end of the runtime. For languages whose arrays outlive the step. The
 * memory must not be written from then on. `data` is that of the array. */
LOCUM_CHECKED locum_status locum_step_keep(locum_output_step step, const void *data, double deadline_s,
                                           locum_view *view);
/* The variable could not be written, as after a locum_step_put() that fails: an error of locum_step_end(),
 * too, unless a later call writes it. For interfaces of languages that refuse a value before the library sees
 * it. `status` and `text` are those of the error. */
LOCUM_CHECKED locum_status locum_step_fail(locum_output_step step, const char *name, int status,
                                           const char *text);
/* Ends this rank's part of the step. Readers see the step when all ranks have ended theirs; does not wait for
 * them. Sets *step to NULL. */
LOCUM_API locum_status locum_step_end(locum_output_step *step, double deadline_s);
/* Removes this rank's part of the step; its next one is the same step again. Sets *step to NULL. */
LOCUM_API locum_status locum_step_discard(locum_output_step *step);

typedef enum locum_start_at {
  LOCUM_OLDEST = 0, /* the oldest step that still exists */
  LOCUM_NEWEST = 1,
  LOCUM_NEXT = 2    /* the first one that ends after the reader has joined */
} locum_start_at;

typedef struct locum_step_reader_options {
  int32_t start_at;    /* a locum_start_at */
  int32_t ahead;       /* further steps that are fetched while this one is used; 0: 1, negative: none */
  const char *group;   /* readers of one group share the steps; NULL: this one sees all */
  const char *file;    /* whose steps are read in place of a stream; NULL: none */
  uint64_t first_step; /* of a file */
  uint64_t every;      /* of a file: each n-th step; 0: 1 */
  uint64_t reserved[4]; /* 0 */
} locum_step_reader_options;

/* Opens a reader of the stream; opens nothing yet. A reader is used by one thread at a time. */
LOCUM_CHECKED locum_status locum_step_reader_open(locum_ranks ranks, const char *stream,
                                                  const locum_step_reader_options *options,
                                                  locum_step_reader *reader);
/* Blocks until the next step can be read. LOCUM_END_OF_STREAM after the last one. Release the step. */
LOCUM_CHECKED locum_status locum_step_next(locum_step_reader reader, double deadline_s,
                                           locum_input_step *step);
/* The newest step, at least the next one; those between are released unread. For readers of one rank. */
LOCUM_CHECKED locum_status locum_step_latest(locum_step_reader reader, double deadline_s,
                                             locum_input_step *step);
/* Leaves the stream. Sets *reader to NULL. */
LOCUM_API locum_status locum_step_reader_close(locum_step_reader *reader);

/* Returns the number of the step in its stream. */
LOCUM_CHECKED locum_status locum_step_number(locum_input_step step, uint64_t *number);

/* A variable of a step, as its writers described it. */
typedef struct locum_variable {
  locum_text name;
  int32_t type;                   /* a locum_type: of its elements; LOCUM_ENCODED: it has none */
  int32_t rank;                   /* of the global array; 0: local arrays or a value */
  int64_t shape[LOCUM_MAX_RANK];
  uint64_t blocks;                /* how many ranks wrote a part */
  uint64_t size_bytes;
  uint64_t reserved[4]; /* 0 */
} locum_variable;

typedef struct locum_variables {
  size_t count;
  const locum_variable *variables; /* ascending by name */
  void *library;
} locum_variables;

/* Lists the variables of a step. Release the list. */
LOCUM_CHECKED locum_status locum_step_variables(locum_input_step step, locum_variables *variables);
LOCUM_API locum_status locum_variables_release(locum_variables *variables);
/* Returns the array that one rank wrote, in place if it is on this node. `writer`: its rank among those of
 * the writer; -1: there is only one. */
LOCUM_CHECKED locum_status locum_step_get(locum_input_step step, const char *name, int32_t writer,
                                          double deadline_s, locum_view *view);
/* Copies a global array, or a box of it, from all the parts that it has, to `array`, whose extents are
 * those of the box. Only the box comes from other nodes. */
LOCUM_CHECKED locum_status locum_step_read(locum_input_step step, const char *name, const locum_array *array,
                                           const locum_read_options *options);
/* Releases the step on this rank; views of it stay valid. Sets *step to NULL. */
LOCUM_API locum_status locum_step_release(locum_input_step *step);

#ifdef __cplusplus
}
#endif

#endif
