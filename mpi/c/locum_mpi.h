/* locum in C, for the ranks of an MPI job: the runtime, its stores, checkpoints. See locum.h for errors,
 * handles, options and arrays.
 *
 *     locum_runtime runtime;
 *     locum_store fields;
 *     if (locum_runtime_open(MPI_COMM_WORLD, &(locum_runtime_options){.memory_bytes = 1 << 30}, &runtime) ||
 *         locum_runtime_store(runtime, "fields", NULL, &fields))
 *       return fail(locum_error_message());
 *     ...
 *     locum_runtime_close(&runtime, 0);
 */
#ifndef LOCUM_LOCUM_MPI_H
#define LOCUM_LOCUM_MPI_H

#include <mpi.h>

#include <locum/locum.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct locum_runtime_handle *locum_runtime;

typedef enum locum_transport {
  LOCUM_TRANSPORT_AUTOMATIC = 0, /* UCX where the library was built with it, else MPI */
  LOCUM_TRANSPORT_UCX = 1,
  LOCUM_TRANSPORT_MPI = 2
} locum_transport;

typedef enum locum_log {
  LOCUM_LOG_WARNINGS = 0, /* settings that are slow or risky, one line each with the remedy */
  LOCUM_LOG_OFF = 1,
  LOCUM_LOG_INFO = 2
} locum_log;

/* All ranks give the same options. Environment variables (in brackets) override those of the program. Members
 * that are 0 are defaults; docs/guide/running.md describes each. */
typedef struct locum_runtime_options {
  uint64_t memory_bytes;       /* of one node, for objects (LOCUM_MEMORY_BYTES); 0: half of /dev/shm */
  double timeout_s;            /* longest wait of a call without a deadline (LOCUM_TIMEOUT_MS); 0: 30 */
  double collective_timeout_s; /* the same of a collective call (LOCUM_COLLECTIVE_TIMEOUT_MS); 0: 600 */
  double peer_timeout_s;       /* silence after which a rank is lost (LOCUM_PEER_TIMEOUT_MS); 0: 5 */
  uint64_t prefetch_bytes;     /* window of what is fetched ahead (LOCUM_PREFETCH_BYTES) */
  uint64_t prepare_bytes;      /* memory that each rank touches in advance (LOCUM_PREPARE_BYTES) */
  uint64_t spill_bytes;        /* of the disk that a node may use (LOCUM_SPILL_BYTES) */
  const char *spill_folder;    /* on a disk of each node (LOCUM_SPILL_FOLDER); NULL: none */
  const char *stores;          /* a file of TOML tables with options of stores (LOCUM_STORES); NULL: none */
  const char *name;            /* of the runtime in reports and messages; NULL: none */
  int32_t ranks_per_node;      /* splits machines into nodes, for tests (LOCUM_RANKS_PER_NODE) */
  int32_t transport;           /* a locum_transport (LOCUM_TRANSPORT) */
  int32_t log;                 /* a locum_log (LOCUM_LOG) */
  int32_t checkpoint_signal;   /* announces the end of the job (LOCUM_CHECKPOINT_SIGNAL); 0: none */
  bool as_others;              /* takes the options of the ranks that give theirs */
  uint64_t reserved[4]; /* 0 */
} locum_runtime_options;

/* Opens a runtime; collective over the communicator, of which it uses a duplicate. Any MPI thread level
 * works; this call, locum_runtime_close() and those marked collective are made by one thread at a time, in
 * the same order on all ranks, all others by any thread. A collective call that fails on one rank fails on
 * all of them. */
LOCUM_CHECKED locum_status locum_runtime_open(MPI_Comm communicator, const locum_runtime_options *options,
                                              locum_runtime *runtime);
/* The same with a communicator of Fortran. */
LOCUM_CHECKED locum_status locum_runtime_open_f(MPI_Fint communicator, const locum_runtime_options *options,
                                                locum_runtime *runtime);
/* Closes the runtime, and sets *runtime to NULL. Collective; before MPI_Finalize, which else closes it, with
 * a line on stderr. Waits until the deadline for the other ranks; this rank's part is closed in any case.
 * Before, it waits for other threads that are in calls of the runtime: if they do not return, LOCUM_TIMEOUT,
 * and the runtime stays open. Calls on its stores are LOCUM_CLOSED from then on; views stay valid, and keep
 * their memory, until they are released. */
LOCUM_API locum_status locum_runtime_close(locum_runtime *runtime, double deadline_s);

/* Ends the runtime of a rank that cannot go on: waits two seconds for the other ranks to do so, too, and then
 * ends the job by MPI_Abort, so that none of them waits for this one. Sets *runtime to NULL. */
LOCUM_API locum_status locum_runtime_fail(locum_runtime *runtime);

/* Where this process is in the job. */
typedef struct locum_place {
  int32_t rank, ranks; /* of the communicator given */
  int32_t node, nodes; /* ranks of one node share memory */
  uint64_t reserved[4]; /* 0 */
} locum_place;

LOCUM_CHECKED locum_status locum_runtime_place(locum_runtime runtime, locum_place *place);

/* Options of a store: all that open it give the same, or none. */
typedef struct locum_store_options {
  double timeout_s;      /* of calls without a deadline; 0: that of the runtime */
  uint64_t memory_bytes; /* the most of each node that its objects take; 0: no limit but the node's memory */
  double lifetime_s;     /* of objects without one of their own; 0: for ever */
  bool checksum;         /* objects carry a checksum, which their first use checks */
  const char *connector; /* URL of the backend that keeps the objects; NULL: the memory of the nodes */
  uint64_t reserved[4]; /* 0 */
} locum_store_options;

/* Opens the store of that name, the same on all ranks; not collective. `options` NULL: those in force. */
LOCUM_CHECKED locum_status locum_runtime_store(locum_runtime runtime, const char *name,
                                               const locum_store_options *options, locum_store *store);
/* Ends a store and evicts its objects. Collective. */
LOCUM_CHECKED locum_status locum_runtime_drop(locum_runtime runtime, const char *name, double deadline_s);
/* Blocks until the names that this rank has put into stores over `nodes+`, written back, are in their
 * backends. */
LOCUM_CHECKED locum_status locum_runtime_flush(locum_runtime runtime, double deadline_s);

/* Returns the ranks that died while the runtime was open, as far as this rank knows: `*count` of them, of
 * which the first `capacity` are written to `ranks`. */
LOCUM_CHECKED locum_status locum_runtime_lost_ranks(locum_runtime runtime, int32_t *ranks, size_t capacity,
                                                    size_t *count);

/* A text of the library, with a 0 at its end. */
typedef struct locum_string {
  const char *text;
  size_t length;
  void *library;
} locum_string;

/* Describes memory, objects and paths of this rank. Local. Release the text. */
LOCUM_CHECKED locum_status locum_runtime_report(locum_runtime runtime, locum_string *text);
/* The same of all ranks; collective. */
LOCUM_CHECKED locum_status locum_runtime_report_all(locum_runtime runtime, double deadline_s,
                                                    locum_string *text);
LOCUM_API locum_status locum_string_release(locum_string *text);

/* ---- Checkpoints ---- */

typedef struct locum_checkpoint_options {
  double deadline_s;
  const char *prefix; /* only names that begin with it; NULL: all objects */
  uint32_t keep;      /* how many checkpoints of the series stay; 0: all */
  int32_t compress;   /* the level of deflate, 1 to 9; 0: none */
  bool incremental;   /* objects that the last one has are not written again */
  bool xdmf;          /* a file for ParaView as well */
  uint64_t reserved[4]; /* 0 */
} locum_checkpoint_options;

typedef struct locum_restore_options {
  double deadline_s;
  const char *prefix;
  bool forget_handles; /* handles of earlier jobs need not stay valid */
  bool skip_damaged;   /* restores all that is not damaged */
  bool lazy;           /* objects are read when they are first used */
  uint64_t reserved[4]; /* 0 */
} locum_restore_options;

/* Contents of a checkpoint: sums over all ranks, the same on each of them. */
typedef struct locum_checkpoint_report {
  uint64_t objects;
  uint64_t bytes;
  uint64_t reused_bytes; /* not written, since an earlier checkpoint has them */
  uint64_t files;
  uint64_t number;          /* the last number in its name: 42 of step0042.h5 */
  uint64_t damaged_objects; /* left out, by skip_damaged */
  uint64_t reserved[4]; /* 0 */
} locum_checkpoint_report;

/* Writes the objects of a store to HDF5 files. Collective. An older checkpoint of that path is whole until
 * this one is. `report` may be NULL. */
LOCUM_CHECKED locum_status locum_checkpoint(locum_runtime runtime, const char *store, const char *path,
                                            const locum_checkpoint_options *options,
                                            locum_checkpoint_report *report);
/* Writes a checkpoint in the background. Collective. Returns when the objects are pinned and the files are
 * made; from then on objects may be evicted or replaced without effect on the checkpoint. The future ends
 * by itself on all ranks; it need not be waited for, and releasing or cancelling it does not stop the
 * checkpoint. locum_future_ready(), locum_future_wait() and locum_future_then() are for it as for any
 * future. */
LOCUM_CHECKED locum_status locum_checkpoint_async(locum_runtime runtime, const char *store, const char *path,
                                                  const locum_checkpoint_options *options,
                                                  locum_future *future);
/* Blocks until the checkpoint of the future is written, and reports its contents. `report` may be NULL. */
LOCUM_CHECKED locum_status locum_future_checkpoint(locum_future future, double deadline_s,
                                                   locum_checkpoint_report *report);
/* Makes the objects of a checkpoint again, on any number of ranks. Collective. `report` may be NULL. */
LOCUM_CHECKED locum_status locum_restore(locum_runtime runtime, const char *store, const char *path,
                                         const locum_restore_options *options,
                                         locum_checkpoint_report *report);
/* Restores the latest whole one of the checkpoints whose paths are `pattern` with a number in place of its
 * `*`. Collective. LOCUM_NOT_FOUND if there is none. */
LOCUM_CHECKED locum_status locum_restore_latest(locum_runtime runtime, const char *store, const char *pattern,
                                                const locum_restore_options *options,
                                                locum_checkpoint_report *report);
/* Returns whether the scheduler has announced the end of the job to any rank. Collective, the same result on
 * all. */
LOCUM_CHECKED locum_status locum_checkpoint_requested(locum_runtime runtime, double deadline_s,
                                                      bool *requested);

/* ---- Parts of HDF5 files ---- */

typedef struct locum_hdf5_options {
  double deadline_s;
  const char *store; /* of which the elements are an object once they were read; NULL: "hdf5" */
  locum_box box;     /* of the dataset; rank 0: all of it */
  uint64_t reserved[4]; /* 0 */
} locum_hdf5_options;

/* Makes a stand-in for a dataset of an HDF5 file that any program has written, or for a box of it. Reads
 * the file's description only; the elements are read when the stand-in, or one of its handle, is first
 * used on any rank, once in the job. Not collective; all ranks that use it see the file under that path.
 * LOCUM_TYPE_MISMATCH unless the elements are of this type; LOCUM_NO_TYPE: whatever they are. */
LOCUM_CHECKED locum_status locum_proxy_of_hdf5(locum_runtime runtime, const char *path, const char *dataset,
                                               int32_t type, const locum_hdf5_options *options,
                                               locum_proxy *proxy);

/* ---- Files in formats ---- */

/* Opens the files of a URL, each of which is loaded once for all ranks of a node, which read it in place. Not
 * collective: any rank may load any file. See locum_files_open(); release it by locum_files_close(). */
LOCUM_CHECKED locum_status locum_files_of(locum_runtime runtime, const char *url, locum_files *files);
/* The same with options. */
LOCUM_CHECKED locum_status locum_files_of_with(locum_runtime runtime, const char *url,
                                               const locum_files_options *options, locum_files *files);

/* ---- Steps ---- */

/* Describes the ranks of a communicator, all of them ranks of the runtime, that write or read a stream of
 * steps together: for locum_step_writer_open() or locum_step_reader_open(). A rank that writes a stream and
 * reads it describes its ranks twice. Collective over the communicator. Release it. */
LOCUM_CHECKED locum_status locum_runtime_ranks(locum_runtime runtime, MPI_Comm communicator,
                                               locum_ranks *ranks);
/* The same with a communicator of Fortran. */
LOCUM_CHECKED locum_status locum_runtime_ranks_f(locum_runtime runtime, MPI_Fint communicator,
                                                 locum_ranks *ranks);

#ifdef __cplusplus
}
#endif

#endif
