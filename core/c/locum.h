/* locum in C: the same stores as in C++, Fortran and Python. C11; needs no mpi.h (see locum_mpi.h).
 *
 * Every function returns a locum_status; locum_error_message() then has the text of the calling thread's last
 * error. No function throws, aborts or keeps a pointer of the caller beyond its documented use. Any thread may
 * call any function; what belongs to one thread at a time says so.
 *
 * Handles (locum_store, locum_writer …) are numbers, not addresses: a handle that was released, is NULL or is
 * of another kind is LOCUM_INVALID_ARGUMENT. Options may be NULL, and their members 0, for the defaults; what is
 * `reserved` is 0, and is an option of a later version otherwise (LOCUM_UNSUPPORTED):
 *
 *     locum_view view;
 *     if (locum_get(fields, "T", &(locum_get_options){.deadline_s = 2}, &view) != LOCUM_OK)
 *       return fail(locum_error_message());
 *     use(view.array.data, view.array.extents, view.array.rank);
 *     locum_view_release(&view);
 */
#ifndef LOCUM_LOCUM_H
#define LOCUM_LOCUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define LOCUM_API __attribute__((visibility("default")))
#define LOCUM_CHECKED LOCUM_API __attribute__((warn_unused_result))
#else
#define LOCUM_API
#define LOCUM_CHECKED
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* The numbers are those of locum::Errc. */
typedef enum locum_status {
  LOCUM_OK = 0,
  LOCUM_INVALID_ARGUMENT = 1, /* the call itself is wrong: NULL, a released handle, an empty name … */
  LOCUM_NOT_FOUND = 2,        /* the object does not exist now */
  LOCUM_KEY_EXISTS = 3,       /* the name is in use; its value is unchanged */
  LOCUM_TYPE_MISMATCH = 4,    /* the object is of another type */
  LOCUM_STALE = 5,            /* the name was replaced since this handle or generation was taken */
  LOCUM_OUT_OF_MEMORY = 6,    /* the node's memory or /dev/shm is full */
  LOCUM_TIMEOUT = 7,          /* the deadline passed */
  LOCUM_PEER_LOST = 8,        /* a process that this operation needed is dead or cannot be reached */
  LOCUM_CORRUPT = 9,          /* stored bytes do not decode, or a shared structure is damaged */
  LOCUM_CLOSED = 10,          /* the runtime or session of this object was closed */
  LOCUM_OPTIONS_DIFFER = 11,  /* ranks, or openers of one store, ask for different options */
  LOCUM_UNSUPPORTED = 12,     /* this build or this part of the library cannot do it */
  LOCUM_SYSTEM = 13,          /* the operating system or another library failed */
  LOCUM_CANCELLED = 14,       /* the caller cancelled the operation */
  LOCUM_BROKEN_PROMISE = 15,  /* the promise was destroyed before its value was set */
  LOCUM_END_OF_STREAM = 16,   /* the stream of steps, or the queue of tasks, was closed and is used up */
  LOCUM_QUEUE_FULL = 17,      /* the stream of steps has no room, and the writer is not to wait for it */
  LOCUM_VALUE_TOO_LARGE = 18  /* the backend holds no value of that size; nothing was sent */
} locum_status;

/* Returns the text of the last error of a call on this thread, with its code and the name, key and rank that
 * it concerns; "" if none has failed. Valid until the next call on this thread that fails. */
LOCUM_API const char *locum_error_message(void);
/* Returns the enumerator's own name, such as "key_exists"; "unknown" for other numbers. */
LOCUM_API const char *locum_status_name(int status);
/* Returns the version of the library, such as "0.1.0". */
LOCUM_API const char *locum_version(void);
/* What a process has not released is named on stderr once, in MPI_Finalize or else at its end. For
 * languages that collect garbage: from this call on nothing is named. */
LOCUM_API void locum_handles_are_collected(void);

/* Text that may contain any bytes, and need not end with a 0. */
typedef struct locum_text {
  const char *first;
  size_t length;
} locum_text;
#define LOCUM_TEXT(literal) ((locum_text){literal, sizeof(literal) - 1})

/* Element types. */
typedef enum locum_type {
  LOCUM_NO_TYPE = 0,
  LOCUM_I8 = 1,
  LOCUM_I16 = 2,
  LOCUM_I32 = 3,
  LOCUM_I64 = 4,
  LOCUM_U8 = 5,
  LOCUM_U16 = 6,
  LOCUM_U32 = 7,
  LOCUM_U64 = 8,
  LOCUM_F32 = 9,
  LOCUM_F64 = 10,
  LOCUM_C64 = 11,  /* float _Complex */
  LOCUM_C128 = 12, /* double _Complex */
  LOCUM_BOOL = 13,
  LOCUM_CHAR = 14, /* of text: an array of rank 1 is C++'s std::string */
  LOCUM_BYTE = 15, /* bytes without a meaning of their own */
  LOCUM_CLASS = 16, /* a C++ class, or a C struct, that is copied as bytes: `type_name` says which */
  LOCUM_ENCODED = 17 /* no elements: bytes that a serialiser or a codec wrote; `type_name` says of what */
} locum_type;

#define LOCUM_MAX_RANK 8

/* As a stride: the elements of that dimension are one and the same in memory. For arrays that are stored;
 * one that is read into has a place for each element, or is LOCUM_INVALID_ARGUMENT. A stride of 0 beside
 * others that are not 0 is the same; where all are 0, only this tells one element for all from an array
 * without gaps. */
#define LOCUM_REPEAT INT64_MIN

/* An array in memory. Rank 0: one element, which is what C++'s put(2.5) stores. */
typedef struct locum_array {
  int32_t type;                    /* a locum_type */
  int32_t rank;                    /* 0 to LOCUM_MAX_RANK */
  int64_t extents[LOCUM_MAX_RANK]; /* in elements, slowest dimension first */
  int64_t strides[LOCUM_MAX_RANK]; /* in bytes; may be negative; all 0: no gaps; LOCUM_REPEAT */
  void *data;                      /* the element with the indices 0; calls that store only read it */
  locum_text type_name;            /* of LOCUM_CLASS, such as "particle{48}", and LOCUM_ENCODED; else ignored */
} locum_array;

/* Identity of one object, on all ranks; never reused. May be sent as 16 bytes. */
typedef struct locum_key {
  uint32_t store;
  uint32_t creator; /* rank that made the object */
  uint64_t serial;  /* 0: no object */
} locum_key;

/* What a stand-in is on other ranks: bytes to be sent, stored, compared. Received ones are not trusted. */
typedef struct locum_handle {
  uint64_t words[8];
} locum_handle;

typedef struct locum_session_handle *locum_session;
typedef struct locum_store_handle *locum_store;
typedef struct locum_writer_handle *locum_writer;
typedef struct locum_proxy_handle *locum_proxy;
typedef struct locum_promise_handle *locum_promise;
typedef struct locum_future_handle *locum_future;
typedef struct locum_queue_handle *locum_queue;
typedef struct locum_task_handle *locum_task;
typedef struct locum_ranks_handle *locum_ranks;
typedef struct locum_step_writer_handle *locum_step_writer;
typedef struct locum_output_step_handle *locum_output_step;
typedef struct locum_step_reader_handle *locum_step_reader;
typedef struct locum_input_step_handle *locum_input_step;
typedef struct locum_files_handle *locum_files;
typedef struct locum_zarr_handle *locum_zarr;
typedef struct locum_zarr_group_handle *locum_zarr_group;
typedef struct locum_experiment_handle *locum_experiment;

/* ---- Stores ---- */

/* A deadline, in every call that may wait, is in seconds from the call; 0: the default of the store or the
 * runtime, LOCUM_AT_ONCE: without waiting. No call waits for ever. */
#define LOCUM_AT_ONCE (-1.0)

typedef struct locum_session_options {
  double timeout_s;     /* longest wait of a call without a deadline; 0: 30 */
  uint32_t most_threads; /* calls under way at once; 0: 64 */
  uint64_t reserved[4]; /* 0 */
} locum_session_options;

/* Opens a session over the backend of a URL, such as "file:results": neither MPI nor UCX is loaded. Blocks
 * while the backend does. */
LOCUM_CHECKED locum_status locum_session_open(const char *url, const locum_session_options *options,
                                              locum_session *session);
/* Closes the session: calls on its stores are LOCUM_CLOSED from then on; views stay valid. Sets *session to
 * NULL. */
LOCUM_API locum_status locum_session_close(locum_session *session);
/* Opens a store of the session; creates it if there is none. */
LOCUM_CHECKED locum_status locum_session_store(locum_session session, const char *name, locum_store *store);
/* Opens a session, and in it the store that the URL's option `store` names ("default" without one). The
 * session is closed with the store. */
LOCUM_CHECKED locum_status locum_open(const char *url, const locum_session_options *options,
                                      locum_store *store);
/* Makes a store whose names are those of `store` that begin with "name/", without that beginning. Local. */
LOCUM_CHECKED locum_status locum_store_collection(locum_store store, const char *name,
                                                  locum_store *collection);
/* Releases the handle; the objects stay. Sets *store to NULL. */
LOCUM_API locum_status locum_store_release(locum_store *store);

/* ---- Writing ---- */

typedef struct locum_put_options {
  double deadline_s;
  double lifetime_s;            /* until the object is evicted; 0: that of the store; INFINITY: no end */
  bool waits_for_room;          /* whether to wait for memory until the deadline; else LOCUM_OUT_OF_MEMORY */
  bool listed;                  /* of a put without a name: whether locum_keys() lists the object */
  const char *tag;              /* where to keep it, for stores over several backends; NULL: none */
  uint64_t expected_generation; /* of a replacement: see locum_writer_replace(); 0: any, or none */
  uint64_t reserved[4]; /* 0 */
} locum_put_options;

/* Stores an array under a name (NULL: without one, by key only). All ranks find it once this returns.
 * LOCUM_KEY_EXISTS if the name is in use. `key` may be NULL. A value of type LOCUM_ENCODED has rank 1 and the
 * bytes as its extent. */
LOCUM_CHECKED locum_status locum_put(locum_store store, const char *name, const locum_array *array,
                                     const locum_put_options *options, locum_key *key);
/* Binds the name to a new object, atomically. Views of the old one stay valid. */
LOCUM_CHECKED locum_status locum_replace(locum_store store, const char *name, const locum_array *array,
                                         const locum_put_options *options, locum_key *key);
/* Makes memory of the store for an array: reads its type, rank and extents, sets its data and strides.
 * Other processes see the object once it is sealed. The memory is not cleared. Of LOCUM_ENCODED, of rank
 * 1, the extent is the number of bytes, and `type_name` is read: what a serialiser writes there is copied
 * nowhere. */
LOCUM_CHECKED locum_status locum_create(locum_store store, const char *name, locum_array *array,
                                        const locum_put_options *options, locum_writer *writer);
/* Publishes the object without a copy; the memory must not be written from then on. Sets *writer to NULL,
 * also after an error: the object is then discarded. */
LOCUM_CHECKED locum_status locum_writer_seal(locum_writer *writer, double deadline_s, locum_key *key);
/* The same in place of what the name is bound to, if it is, as locum_replace() does. `expected_generation`:
 * that of the name; else LOCUM_STALE, or LOCUM_NOT_FOUND if the name is free. 0: any, or none. */
LOCUM_CHECKED locum_status locum_writer_replace(locum_writer *writer, uint64_t expected_generation,
                                                double deadline_s, locum_key *key);
/* Starts a seal: only binding the name at its home node may remain to be done. The memory must not be written
 * from then on; locum_future_key() gives the object's key. Sets *writer to NULL, also after an error. */
LOCUM_CHECKED locum_status locum_writer_seal_async(locum_writer *writer, double deadline_s,
                                                   locum_future *future);
/* Frees the memory of an object that was not sealed. Sets *writer to NULL. */
LOCUM_API locum_status locum_writer_discard(locum_writer *writer);
/* Adds to the integer (i64) under a name, atomically; a missing one counts as 0. `previous` may be NULL. */
LOCUM_CHECKED locum_status locum_fetch_add(locum_store store, const char *name, int64_t difference,
                                           double deadline_s, int64_t *previous);

/* Makes the new value under a name from the one that is stored: sets `*value`, whose memory must stay
 * until the update has returned, or the function is called again. A status that is not LOCUM_OK ends the
 * update with it. Called again if another process was faster. */
typedef locum_status (*locum_change)(const locum_array *stored, locum_array *value, void *context);
/* Changes the value under a name, atomically: views of the old one stay valid. LOCUM_NOT_FOUND if there is
 * none. `key` may be NULL. */
LOCUM_CHECKED locum_status locum_update(locum_store store, const char *name, locum_change change,
                                        void *context, double deadline_s, locum_key *key);
/* Puts `count` arrays under `count` names, with a few messages for all of them. Each has a status of its own,
 * and a key; both may be NULL. Returns the first error. An array that is none fails all of them. */
LOCUM_CHECKED locum_status locum_put_batch(locum_store store, size_t count, const char *const *names,
                                           const locum_array *arrays, const locum_put_options *options,
                                           locum_key *keys, locum_status *statuses);

/* A codec: a program's own encoding of arrays as bytes, as locum::Codec in C++, by whose name readers know
 * it. */
typedef struct locum_codec {
  const char *name; /* 1 to 64 letters, digits and _.+-: part of the object's type, f64[]@name */
  bool at_most;     /* whether `size` gives a bound: the value is then encoded elsewhere, and copied */
  /* Sets the number of bytes that `value` takes. */
  locum_status (*size)(const locum_array *value, size_t *bytes, void *context);
  /* Writes the value to `memory`, of which all `capacity` bytes are to be used unless at_most, and sets the
   * number of bytes that it has written. */
  locum_status (*encode)(const locum_array *value, void *memory, size_t capacity, size_t *written,
                         void *context);
  /* Reads the value from bytes that are not trusted: another program may have written them. */
  locum_status (*decode)(const void *bytes, size_t count, const locum_array *value, void *context);
  void *context;    /* is given to the functions */
  uint64_t reserved[4]; /* 0 */
} locum_codec;

/* The same as locum_put() and locum_replace(), of a value that the codec encodes: without `at_most`
 * straight into memory of the store. A status of a function that is not LOCUM_OK is that of the call. */
LOCUM_CHECKED locum_status locum_put_coded(locum_store store, const char *name, const locum_array *array,
                                           const locum_codec *codec, const locum_put_options *options,
                                           locum_key *key);
LOCUM_CHECKED locum_status locum_replace_coded(locum_store store, const char *name, const locum_array *array,
                                               const locum_codec *codec, const locum_put_options *options,
                                               locum_key *key);

/* ---- Reading ---- */

/* An object, pinned in place until it is released; in memory of the caller, who must not copy it. */
typedef struct locum_view {
  locum_array array;   /* in memory of the node, read-only; LOCUM_ENCODED: rank 1, its bytes */
  locum_key key;       /* of serial 0 if what is shown is no object of a store, but a file or other memory */
  uint64_t size_bytes; /* of the whole object */
  uint64_t library[8];
} locum_view;

typedef struct locum_get_options {
  double deadline_s;
} locum_get_options;

/* Returns the object under a name. LOCUM_NOT_FOUND at once if there is none. Release the view. */
LOCUM_CHECKED locum_status locum_get(locum_store store, const char *name, const locum_get_options *options,
                                     locum_view *view);
LOCUM_CHECKED locum_status locum_get_by_key(locum_store store, const locum_key *key,
                                            const locum_get_options *options, locum_view *view);
/* Blocks until a rank has put an object under the name. */
LOCUM_CHECKED locum_status locum_wait(locum_store store, const char *name, const locum_get_options *options,
                                      locum_view *view);
/* Gets `count` objects by their names, with a few messages for all of them. Each has a view and a status
 * of its own (`statuses` may be NULL); a view of an object that was not got holds none. Returns the first
 * error. */
LOCUM_CHECKED locum_status locum_get_batch(locum_store store, size_t count, const char *const *names,
                                           const locum_get_options *options, locum_view *views,
                                           locum_status *statuses);
/* Decodes the object of a view to `array`, whose type is that of the value's elements; its extents are
 * known to the codec alone. LOCUM_TYPE_MISMATCH if the object is of another type or was written by another
 * codec. */
LOCUM_CHECKED locum_status locum_view_decode(const locum_view *view, const locum_codec *codec,
                                             const locum_array *array);
/* Unpins the object. LOCUM_INVALID_ARGUMENT if the view holds none, as after the first release. */
LOCUM_API locum_status locum_view_release(locum_view *view);

/* A box of an array, or every n-th element of one. */
typedef struct locum_box {
  int32_t rank;                    /* 0: the whole array */
  int64_t start[LOCUM_MAX_RANK];
  int64_t count[LOCUM_MAX_RANK];
  int64_t stride[LOCUM_MAX_RANK];  /* 0: 1 */
} locum_box;

typedef struct locum_read_options {
  double deadline_s;
  locum_box box;
} locum_read_options;

/* Copies the array under a name, or a box of it, to `array`, whose type and extents must be those of the
 * object, or the count of the box. */
LOCUM_CHECKED locum_status locum_read(locum_store store, const char *name, const locum_array *array,
                                      const locum_read_options *options);
LOCUM_CHECKED locum_status locum_read_by_key(locum_store store, const locum_key *key,
                                             const locum_array *array, const locum_read_options *options);

/* ---- Metadata ---- */

/* Metadata of an object. The texts are valid until it is released. */
typedef struct locum_info {
  locum_key key;
  uint64_t size_bytes;
  int32_t type;         /* a locum_type: of its elements; LOCUM_ENCODED: it has none */
  locum_text type_name; /* canonical, such as "f64[]" */
  int32_t rank;
  int64_t extents[LOCUM_MAX_RANK];
  uint32_t owner;       /* rank that made it */
  uint64_t generation;  /* of its name; 0 without one */
  locum_text name;
  locum_text codec;     /* that wrote it; empty: locum's own encoding */
  double expires_s;     /* seconds since 1970; 0: never */
  void *library;
  uint64_t reserved[4]; /* 0 */
} locum_info;

LOCUM_CHECKED locum_status locum_info_get(locum_store store, const char *name, double deadline_s,
                                          locum_info *info);
LOCUM_CHECKED locum_status locum_info_get_by_key(locum_store store, const locum_key *key, double deadline_s,
                                                 locum_info *info);
LOCUM_API locum_status locum_info_release(locum_info *info);

LOCUM_CHECKED locum_status locum_exists(locum_store store, const char *name, double deadline_s, bool *exists);
LOCUM_CHECKED locum_status locum_exists_by_key(locum_store store, const locum_key *key, double deadline_s,
                                               bool *exists);
/* Evicts an object; `existed` may be NULL. No later get, on any rank, finds it; views of it stay valid. */
LOCUM_API locum_status locum_evict(locum_store store, const char *name, double deadline_s, bool *existed);
LOCUM_API locum_status locum_evict_by_key(locum_store store, const locum_key *key, double deadline_s,
                                          bool *existed);
/* Evicts `count` objects by their names, with a few messages for all of them. `existed` and `statuses` have
 * an element for each; both may be NULL. Returns the first error: of the others none is left. */
LOCUM_API locum_status locum_evict_batch(locum_store store, size_t count, const char *const *names,
                                         double deadline_s, bool *existed, locum_status *statuses);

/* Names, in ascending order of their bytes, each followed by a 0. */
typedef struct locum_names {
  size_t count;
  const locum_text *names;
  void *library;
} locum_names;

/* Lists the names that begin with `prefix` (NULL: all). Release the list. */
LOCUM_CHECKED locum_status locum_keys(locum_store store, const char *prefix, double deadline_s,
                                      locum_names *names);
LOCUM_API locum_status locum_names_release(locum_names *names);
/* Counts the names. */
LOCUM_CHECKED locum_status locum_size(locum_store store, double deadline_s, uint64_t *size);
/* Evicts all objects that locum_keys() lists. `evicted` may be NULL. */
LOCUM_CHECKED locum_status locum_clear(locum_store store, double deadline_s, uint64_t *evicted);

/* ---- Futures: calls that are carried out while the program computes ---- */

/* Starts a get, or a wait for a name; locum_future_view() gives the object. */
LOCUM_CHECKED locum_status locum_get_async(locum_store store, const char *name,
                                           const locum_get_options *options, locum_future *future);
LOCUM_CHECKED locum_status locum_get_async_by_key(locum_store store, const locum_key *key,
                                                  const locum_get_options *options, locum_future *future);
LOCUM_CHECKED locum_status locum_wait_async(locum_store store, const char *name,
                                            const locum_get_options *options, locum_future *future);
/* Starts a put: the array is stored when this returns, and found by its name when the future has ended;
 * locum_future_key() gives its key. */
LOCUM_CHECKED locum_status locum_put_async(locum_store store, const char *name, const locum_array *array,
                                           const locum_put_options *options, locum_future *future);
/* Starts a read into `array`. The memory is written by whoever takes the result: locum_future_wait(), or a
 * thread of the library before it calls the function of locum_future_then(). It must stay until one of these
 * has returned, or the future was released and has no such function. */
LOCUM_CHECKED locum_status locum_read_async(locum_store store, const char *name, const locum_array *array,
                                            const locum_read_options *options, locum_future *future);
LOCUM_CHECKED locum_status locum_read_async_by_key(locum_store store, const locum_key *key,
                                                   const locum_array *array, const locum_read_options *options,
                                                   locum_future *future);
/* Returns whether the call has ended. */
LOCUM_CHECKED locum_status locum_future_ready(locum_future future, bool *ready);
/* Blocks until the call has ended, and returns its status; LOCUM_TIMEOUT at the deadline, after which the
 * call goes on. */
LOCUM_CHECKED locum_status locum_future_wait(locum_future future, double deadline_s);
/* The same, and gives the object of a get or a wait. */
LOCUM_CHECKED locum_status locum_future_view(locum_future future, double deadline_s, locum_view *view);
/* The same, and gives the key of a put. */
LOCUM_CHECKED locum_status locum_future_key(locum_future future, double deadline_s, locum_key *key);
/* Calls `notify(context)` once when the call has ended, also if it was cancelled: on a thread of the library,
 * which it should not occupy for long. */
LOCUM_CHECKED locum_status locum_future_then(locum_future future, void (*notify)(void *context),
                                             void *context);
/* Ends a call that has not ended, with LOCUM_CANCELLED. */
LOCUM_CHECKED locum_status locum_future_cancel(locum_future future);
/* Cancels a call that has not ended, and releases the future: memory of a read is not written from then on.
 * Sets *future to NULL. */
LOCUM_API locum_status locum_future_release(locum_future *future);

/* ---- Files in the formats that everybody reads ---- */

/* Values in files: the ending of a path says which format (`T.npy`, `config.json`, `table.csv`). Paths are
 * relative to the URL, and cannot leave it. See docs/guide/files.md. */

/* Options of a call with a file. */
typedef struct locum_file_options {
  const char *format;  /* its name; NULL: by the ending of the path */
  const char *options; /* of the format: "separator=;&header=false", as in a URL: %XX is a byte, %26 an `&`. A
                        * value is a bool (true, false), an integer, a real, a list of these, as
                        * "chunks=[64,64]" and "columns=['a','b']", members, as "types={x:f64,'y':i32}", or
                        * else a text: one that begins with a [ or { does so with %5B or %7B. In a list or
                        * members, an item in quotes is a text. NULL: none */
  const char *backend; /* a name of locum_files_add(); NULL: the URL of the files */
  double deadline_s;   /* of waiting for another rank that loads the same file; saves ignore it */
  const locum_array *record; /* the options as a stored Record, in place of `options`; NULL: none */
  uint64_t map; /* 1: an array is shown in the file itself, unread, where format and layout allow that: this
                 * process alone has it. A program that shortens the file then ends the process by SIGBUS */
  const char *member; /* of the calls that load: what is given of a file that holds members, by its name or
                       * path, as by locum_record_member(); NULL: all. No other call takes it */
  uint64_t reserved[2]; /* 0 */
} locum_file_options;

/* Opens the files of a URL for this process alone: of a folder, "file:/scratch/run17", or of a backend that
 * lists its names. */
LOCUM_CHECKED locum_status locum_files_open(const char *url, locum_files *files);
/* The same; what is loaded is an object of the session, which its ranks load once a node. Loading from
 * these files is LOCUM_CLOSED once the session is. */
LOCUM_CHECKED locum_status locum_files_open_in(locum_session session, const char *url, locum_files *files);
/* Options of files. */
typedef struct locum_files_options {
  double kept_s;    /* how long what was loaded stays in memory after its last load, at least 1; 0: 60 */
  double timeout_s; /* longest wait for another rank that loads the same file; 0: 600 */
  uint64_t reserved[4]; /* 0 */
} locum_files_options;

/* The same with options. `session` NULL: for this process alone. */
LOCUM_CHECKED locum_status locum_files_open_with(locum_session session, const char *url,
                                                 const locum_files_options *options, locum_files *files);
/* Names another URL, for `backend` of the other calls. LOCUM_KEY_EXISTS if the name is in use. */
LOCUM_CHECKED locum_status locum_files_add(locum_files files, const char *name, const char *url);
/* Releases the handle; views of what was loaded stay valid. Sets *files to NULL. */
LOCUM_API locum_status locum_files_close(locum_files *files);

/* Saves a value: an array, one element (rank 0), a text (LOCUM_CHAR, rank 1), bytes (LOCUM_BYTE, rank 1), or
 * a stored Record (LOCUM_ENCODED of type "locum.record"), which nests all of these. Atomic: who loads the
 * path finds the old file or all of the new one. LOCUM_UNSUPPORTED if no format has the ending,
 * LOCUM_TYPE_MISMATCH if the format does not hold such a value. */
LOCUM_CHECKED locum_status locum_files_save(locum_files files, const char *path, const locum_array *value,
                                            const locum_file_options *options);
/* Loads a file, and gives the object in place: an array, one element (rank 0), a text (LOCUM_CHAR, rank 1),
 * or else a stored Record (LOCUM_ENCODED of type "locum.record"). Ranks of a node that load the same file get
 * the same memory. LOCUM_NOT_FOUND; LOCUM_CORRUPT, whose text names the place in the file. Release the
 * view. With `map`, a value that is no array in the file is a copy. */
LOCUM_CHECKED locum_status locum_files_load(locum_files files, const char *path,
                                            const locum_file_options *options, locum_view *view);
/* Begins a load in a thread of these files: locum_future_view() gives the object. The close of the files waits
 * for the loads that they have begun. An array that has no room in the store is LOCUM_OUT_OF_MEMORY in the
 * future, without `map` and `member`. */
LOCUM_CHECKED locum_status locum_files_load_async(locum_files files, const char *path,
                                                  const locum_file_options *options, locum_future *future);
/* Makes a stand-in for what a file holds, which is loaded in the background from now on, once for the node of
 * this rank; ranks of other nodes fetch it from there, and need not see the file. The object lasts until it is
 * evicted by its key. LOCUM_NOT_FOUND without a file; LOCUM_BROKEN_PROMISE for who uses the stand-in if the
 * file cannot be loaded: its text is that of the error of the load. LOCUM_INVALID_ARGUMENT with `map` or
 * `member`: it is for all that the file holds. */
LOCUM_CHECKED locum_status locum_files_proxy(locum_files files, const char *path,
                                             const locum_file_options *options, locum_proxy *proxy);
/* Loads `count` files, some at a time, in threads. Each has a view, a status and the text of its error (""
 * without one); `statuses` and `messages` may be NULL. A view of a file that was not loaded holds none.
 * Returns the first error by position. Release the views, and `messages`, also after an error. */
LOCUM_CHECKED locum_status locum_files_load_batch(locum_files files, size_t count, const char *const *paths,
                                                  const locum_file_options *options, locum_view *views,
                                                  locum_status *statuses, locum_names *messages);
/* Saves `count` values under `count` paths, some at a time, in threads; the rest as in
 * locum_files_load_batch(). A value that is none fails all of them, before any is saved. */
LOCUM_CHECKED locum_status locum_files_save_batch(locum_files files, size_t count, const char *const *paths,
                                                  const locum_array *values,
                                                  const locum_file_options *options, locum_status *statuses,
                                                  locum_names *messages);
/* Describes what a file holds without loading it all: a stored Record with the members `format`, `bytes`, and
 * for an array `type` and `extents`. Release the view. */
LOCUM_CHECKED locum_status locum_files_info(locum_files files, const char *path,
                                            const locum_file_options *options, locum_view *view);
/* Gives a member of a stored Record, as the kind of value that locum_files_load() gives: another Record can
 * be taken apart in turn. `name`: also a path, as "solver/steps", of the names of members within members; a
 * member whose name has the `/` comes first. An array is shown in the memory of the Record, which has to stay
 * as long as the view. LOCUM_NOT_FOUND if there is no such member, LOCUM_TYPE_MISMATCH if the Record has no
 * members. Release the view. */
LOCUM_CHECKED locum_status locum_record_member(const locum_array *record, const char *name, locum_view *view);

typedef enum locum_record_kind {
  LOCUM_RECORD_NULL = 0,
  LOCUM_RECORD_VALUE = 1,   /* a number, a bool, a text, bytes or an array */
  LOCUM_RECORD_LIST = 2,    /* of values */
  LOCUM_RECORD_MEMBERS = 3, /* values under names */
  LOCUM_RECORD_STAND_IN = 4 /* for an object elsewhere */
} locum_record_kind;

/* A stored Record, or a value within it. Valid until the function that gets it returns. */
typedef struct locum_record_item {
  locum_text name;   /* of a member; `first` is NULL if it is none */
  int32_t kind;      /* a locum_record_kind */
  uint32_t depth;    /* 0: the Record itself; 1: its values; 2: theirs … */
  uint64_t count;    /* of the values of a list, or of members, which are the next ones; else 0 */
  locum_array value; /* of LOCUM_RECORD_VALUE: as locum_files_load() gives it; an array is shown in the memory
                      * of the Record, and may be used as long as that */
} locum_record_item;

/* Calls `visit` with a stored Record itself, then with each value within it: those of a list, and members, in
 * their order, each before the values within it. Values below `deepest` are left out: of 1 those of lists and
 * members within it, of UINT32_MAX none. A status that is not LOCUM_OK ends the call with it. LOCUM_CORRUPT,
 * before any call, if the bytes are no Record. */
LOCUM_CHECKED locum_status locum_record_each(const locum_array *record, uint32_t deepest,
                                             locum_status (*visit)(const locum_record_item *item,
                                                                   void *context),
                                             void *context);
/* Lists the paths of the files in a folder (NULL: that of the files) whose names match a pattern as in a
 * shell (NULL: all). LOCUM_NOT_FOUND if there is no such folder. Release the list. */
LOCUM_CHECKED locum_status locum_files_list(locum_files files, const char *folder, const char *pattern,
                                            bool recursive, const char *backend, locum_names *names);
/* Options of locum_files_list_with(). */
typedef struct locum_file_list_options {
  const char *pattern; /* of names without folder, as in a shell; NULL: all */
  const char *backend; /* as in locum_file_options */
  uint64_t recursive;  /* 1: in all folders below, too */
  uint64_t folders;    /* 1: folders as well as files; locum_files_kind() tells them apart */
  uint64_t reserved[4]; /* 0 */
} locum_file_list_options;

/* The same with options. */
LOCUM_CHECKED locum_status locum_files_list_with(locum_files files, const char *folder,
                                                 const locum_file_list_options *options, locum_names *names);

typedef enum locum_file_kind {
  LOCUM_NO_FILE = 0, /* the path leads to nothing */
  LOCUM_FILE = 1,
  LOCUM_FOLDER = 2
} locum_file_kind;

/* Sets `*kind`, a locum_file_kind. `backend`, here and below, may be NULL, as in locum_file_options. */
LOCUM_CHECKED locum_status locum_files_kind(locum_files files, const char *path, const char *backend,
                                            int32_t *kind);
/* Makes a folder and those above it, where there is none. Saving makes the folder that it needs. */
LOCUM_CHECKED locum_status locum_files_make_dirs(locum_files files, const char *path, const char *backend);
/* Removes a file, or an empty folder; `existed` may be NULL. */
LOCUM_API locum_status locum_files_remove(locum_files files, const char *path, const char *backend,
                                          bool *existed);
/* Copies a file, atomically, its bytes unread. */
LOCUM_CHECKED locum_status locum_files_copy(locum_files files, const char *from, const char *to,
                                            const char *backend);
/* Makes an archive of ZIP, atomically, of all files in a folder and below it, under their paths below the
 * folder, stored: the URL `zip:` opens it. LOCUM_STALE if files in the folder were changed meanwhile. */
LOCUM_CHECKED locum_status locum_files_pack(locum_files files, const char *folder, const char *archive,
                                            const char *backend);

/* ---- Arrays of Zarr: larger than memory, in chunks that are files of their own ---- */

/* An array of Zarr, of version 2 or 3, is a folder of these files: metadata, and chunks, or shards of several
 * chunks, each of which is one file, read and written whole but for the chunks of a shard, which are read
 * alone. Any thread may call; several threads, ranks or programs may write at a time if no two of them write
 * the same file. See docs/guide/zarr.md. */

typedef struct locum_zarr_options {
  const char *backend;  /* a name of locum_files_add(); NULL: the URL of the files */
  uint64_t reserved[4]; /* 0 */
} locum_zarr_options;

/* How a new array is laid out. The arrays of extents have `rank` numbers. */
typedef struct locum_zarr_layout {
  int32_t type;                   /* a locum_type: of the elements */
  int32_t rank;                   /* 0: one element */
  int64_t shape[LOCUM_MAX_RANK];
  int64_t chunks[LOCUM_MAX_RANK]; /* extents of a chunk; all 0: chosen, of about 1 MiB */
  int64_t shards[LOCUM_MAX_RANK]; /* extents of a file of several chunks, multiples of those of a chunk; of
                                   * version 3; all 0: each chunk is a file */
  const char *codecs;             /* in the order of encoding: "zstd(3)", "blosc(lz4)", "gzip(5), crc32c";
                                   * NULL: "zstd(1)", "": none */
  const locum_array *fill;        /* one element (rank 0): of what was never written; NULL: zero */
  const char *const *dimensions;  /* `rank` names, of version 3; NULL: none */
  const locum_array *attributes;  /* a stored Record with members; NULL: none */
  int32_t version;                /* of the format: 2 or 3; 0: 3 */
  uint64_t reserved[4]; /* 0 */
} locum_zarr_layout;

/* Opens the array in a folder. LOCUM_NOT_FOUND if there is none, LOCUM_INVALID_ARGUMENT if it is a group;
 * LOCUM_CORRUPT, LOCUM_UNSUPPORTED name what its metadata have. Close it. */
LOCUM_CHECKED locum_status locum_zarr_open(locum_files files, const char *path,
                                           const locum_zarr_options *options, locum_zarr *array);
/* Makes an array, in a folder that is made for it. LOCUM_KEY_EXISTS if there is an array or a group. */
LOCUM_CHECKED locum_status locum_zarr_create(locum_files files, const char *path,
                                             const locum_zarr_layout *layout,
                                             const locum_zarr_options *options, locum_zarr *array);
/* Releases the handle; the array stays, as do views of what was read. Sets *array to NULL. */
LOCUM_API locum_status locum_zarr_close(locum_zarr *array);

/* An array, as its metadata were when it was opened or resized by this handle. */
typedef struct locum_zarr_info {
  int32_t type; /* a locum_type: of the elements */
  int32_t rank;
  int64_t shape[LOCUM_MAX_RANK];
  int64_t chunks[LOCUM_MAX_RANK]; /* extents of a chunk */
  int64_t files[LOCUM_MAX_RANK];  /* extents of what one file holds: of a shard, or of a chunk */
  int32_t version;                /* of the format: 2 or 3 */
  uint64_t reserved[4]; /* 0 */
} locum_zarr_info;

LOCUM_CHECKED locum_status locum_zarr_info_get(locum_zarr array, locum_zarr_info *info);
/* Gives the names of the dimensions, in their order, "" for one without; none of them if none has one.
 * Release the list. */
LOCUM_CHECKED locum_status locum_zarr_dimensions(locum_zarr array, locum_names *names);
/* Gives the attributes: a stored Record with members. Release the view. */
LOCUM_CHECKED locum_status locum_zarr_attributes(locum_zarr array, locum_view *view);
/* Replaces the attributes by the members of a stored Record. One program at a time. */
LOCUM_CHECKED locum_status locum_zarr_set_attributes(locum_zarr array, const locum_array *attributes);

/* Which chunks a read decodes to the memory of the node, once for its ranks that share the session of the
 * files; others copy elements from there. They take a 256th of that memory for each rank, and are the oldest
 * first to go. */
typedef enum locum_zarr_shared {
  LOCUM_ZARR_SHARED_PARTS = 0, /* those of which the box has a part */
  LOCUM_ZARR_SHARED_NONE = 1,
  LOCUM_ZARR_SHARED_ALL = 2 /* for boxes that several ranks of the node read: each decodes some */
} locum_zarr_shared;

typedef struct locum_zarr_read_options {
  locum_box box;        /* of rank 0: the whole array */
  uint64_t strict;      /* 1: chunks that were never written are LOCUM_NOT_FOUND, and have no fill value */
  uint64_t shared;      /* a locum_zarr_shared */
  uint64_t reserved[2]; /* 0 */
} locum_zarr_read_options;

/* Reads a box to `into`, whose type and extents are those of the elements and of the box. Chunks that were
 * never written have the fill value. LOCUM_INVALID_ARGUMENT if it is no box of the array, LOCUM_TYPE_MISMATCH;
 * LOCUM_CORRUPT names the file. */
LOCUM_CHECKED locum_status locum_zarr_read(locum_zarr array, const locum_array *into,
                                           const locum_zarr_read_options *options);
/* Reads a box to memory that is made for it. Release the view. */
LOCUM_CHECKED locum_status locum_zarr_load(locum_zarr array, const locum_zarr_read_options *options,
                                           locum_view *view);
/* Begins to read a box in the background, for a locum_zarr_load() or locum_zarr_read() of the same box with
 * the same options by this handle, which waits for it: the next slab, while the program computes. One box at
 * a time, in memory of its size: another locum_zarr_prefetch() drops it, as do writes of this handle; what
 * others write meanwhile may be in it or not. An error of reading is that of the call it is for.
 * LOCUM_INVALID_ARGUMENT if it is no box of the array; LOCUM_SYSTEM if the system allows no thread. */
LOCUM_CHECKED locum_status locum_zarr_prefetch(locum_zarr array, const locum_zarr_read_options *options);

typedef struct locum_zarr_write_options {
  int64_t start[LOCUM_MAX_RANK]; /* indices in the array of the first element of what is written */
  uint64_t partial;     /* 1: files that are covered in part are read, changed and written whole; all who
                         * write the same files at the same time say so, and none loses another's elements */
  double deadline_s;    /* of waiting for others who change the same file; 0: 600 */
  uint64_t reserved[2]; /* 0 */
} locum_zarr_write_options;

/* Writes elements, each file of the array atomically. LOCUM_INVALID_ARGUMENT if they are not all in the array,
 * or if they cover a file in part: the text says where they may begin and end. LOCUM_TYPE_MISMATCH. */
LOCUM_CHECKED locum_status locum_zarr_write(locum_zarr array, const locum_array *values,
                                            const locum_zarr_write_options *options);
/* Writes elements behind the last ones in the first dimension, then the new extents. A last file that is not
 * full is read, changed and written whole. Programs take turns where the files are in a folder that has locks;
 * else let one append: of two, one gets LOCUM_STALE. `deadline_s` 0: 600. */
LOCUM_CHECKED locum_status locum_zarr_append(locum_zarr array, const locum_array *values, double deadline_s);
/* Changes the extents; `shape` has as many as the array has dimensions. Elements outside are not shown any
 * more; their files stay. One program at a time. */
LOCUM_CHECKED locum_status locum_zarr_resize(locum_zarr array, int32_t rank, const int64_t *shape);

/* A group of Zarr is a folder of arrays and groups, with attributes. Names are those below it, also paths of
 * names with `/` between them. */

typedef struct locum_zarr_group_options {
  const char *backend;   /* as in locum_zarr_options */
  uint64_t consolidated; /* of locum_zarr_group_open(): 1: what is below is found in the consolidated metadata
                          * of the group, if it has some, as it was when it was consolidated */
  uint64_t reserved[4]; /* 0 */
} locum_zarr_group_options;

/* Opens the group in a folder. LOCUM_NOT_FOUND if there is none, LOCUM_INVALID_ARGUMENT if it is an array.
 * Close it. */
LOCUM_CHECKED locum_status locum_zarr_group_open(locum_files files, const char *path,
                                                 const locum_zarr_group_options *options,
                                                 locum_zarr_group *group);
/* Makes a group, in a folder that is made for it. `attributes`: a stored Record with members; NULL: none.
 * `version`: of the format, also of all below: 2 or 3; 0: 3. LOCUM_KEY_EXISTS if there is an array or a
 * group. */
LOCUM_CHECKED locum_status locum_zarr_group_create(locum_files files, const char *path,
                                                   const locum_array *attributes, int32_t version,
                                                   const locum_zarr_group_options *options,
                                                   locum_zarr_group *group);
/* Releases the handle; the group stays. Sets *group to NULL. */
LOCUM_API locum_status locum_zarr_group_close(locum_zarr_group *group);
/* Gives the version of the format, and whether consolidated metadata are used. Each may be NULL. */
LOCUM_CHECKED locum_status locum_zarr_group_info(locum_zarr_group group, int32_t *version,
                                                 bool *is_consolidated);
/* Gives the attributes: a stored Record with members. Release the view. */
LOCUM_CHECKED locum_status locum_zarr_group_attributes(locum_zarr_group group, locum_view *view);
/* Replaces the attributes by the members of a stored Record. One program at a time. */
LOCUM_CHECKED locum_status locum_zarr_group_set_attributes(locum_zarr_group group,
                                                           const locum_array *attributes);
/* Lists the names of what is directly below: `arrays`, and `groups`; either may be NULL. Release the lists. */
LOCUM_CHECKED locum_status locum_zarr_group_list(locum_zarr_group group, locum_names *arrays,
                                                 locum_names *groups);
/* Sets whether there is an array or a group of that name. */
LOCUM_CHECKED locum_status locum_zarr_group_exists(locum_zarr_group group, const char *name, bool *exists);
/* Opens an array, or a group, below. Close it. */
LOCUM_CHECKED locum_status locum_zarr_group_array(locum_zarr_group group, const char *name,
                                                  locum_zarr *array);
LOCUM_CHECKED locum_status locum_zarr_group_group(locum_zarr_group group, const char *name,
                                                  locum_zarr_group *below);
/* Makes an array, or a group, below, and the groups above it where there are none. The version is that of the
 * group, whatever the layout says. */
LOCUM_CHECKED locum_status locum_zarr_group_create_array(locum_zarr_group group, const char *name,
                                                         const locum_zarr_layout *layout,
                                                         locum_zarr *array);
LOCUM_CHECKED locum_status locum_zarr_group_create_group(locum_zarr_group group, const char *name,
                                                         const locum_array *attributes,
                                                         locum_zarr_group *below);
/* Writes the metadata of all below into one file of the group. One program at a time, when nobody makes or
 * resizes arrays any more. */
LOCUM_CHECKED locum_status locum_zarr_group_consolidate(locum_zarr_group group);

/* ---- Experiments: runs that can be found again ---- */

/* An experiment is a folder below files that has parameters and results of a run, as fields: small ones
 * together, each large one in a file of its own. See docs/guide/experiments.md. A handle is for one thread at
 * a time; `backend` is a name of locum_files_add(), or NULL. */

/* Opens the files of all experiments. `url` NULL: that of the variable LOCUM_EXPERIMENTS, or of the table
 * [experiments] in the file that LOCUM_STORES names. `session` NULL: for this process alone. Close them by
 * locum_files_close(). */
LOCUM_CHECKED locum_status locum_files_of_experiments(locum_session session, const char *url,
                                                      locum_files *files);

typedef struct locum_experiment_options {
  const char *commit;     /* version of the program; of a new experiment; NULL: none */
  const char *backend;    /* NULL: the URL of the files */
  uint64_t outside_bytes; /* stored size from which on a field is kept in a file of its own; 0: 4096 */
  uint64_t no_table;      /* 1: the table experiments.sqlite is not kept */
  double table_wait_s;    /* for other processes that use the table; 0: 10 */
  uint64_t reserved[4];   /* 0 */
} locum_experiment_options;

/* Opens the experiment of that ID, or begins a new one, which locum_experiment_persist() is to make. An ID is
 * the name of a folder. LOCUM_KEY_EXISTS if it is a prefix of locum_record_io_write(). */
LOCUM_CHECKED locum_status locum_experiment_open(locum_files files, const char *id,
                                                 const locum_experiment_options *options,
                                                 locum_experiment *experiment);
/* Releases the handle; changes that were not persisted are lost. Sets *experiment to NULL. */
LOCUM_API locum_status locum_experiment_close(locum_experiment *experiment);
/* Sets a field, as a copy: a value as that of locum_files_save(). */
LOCUM_CHECKED locum_status locum_experiment_set(locum_experiment experiment, const char *field,
                                                const locum_array *value);
/* Gives a field as locum_files_load() gives what a file holds; a stored Record that is null if there is none.
 * Reads the file of one that is outside. LOCUM_STALE if another program has persisted or removed the
 * experiment since. Release the view. */
LOCUM_CHECKED locum_status locum_experiment_get(locum_experiment experiment, const char *field,
                                                locum_view *view);
/* The same of a value within a field, by the names on the way to it: "parameters/solver/steps". Setting
 * makes the members on the way; LOCUM_TYPE_MISMATCH if something on it is neither null nor members. Getting
 * what does not exist is LOCUM_NOT_FOUND, whose text names what there is. A path without a `/` is that of a
 * field. Lists by parameters find numbers of 8 bytes (LOCUM_I64, LOCUM_F64), LOCUM_BOOL and texts. */
LOCUM_CHECKED locum_status locum_experiment_set_member(locum_experiment experiment, const char *path,
                                                       const locum_array *value);
LOCUM_CHECKED locum_status locum_experiment_get_member(locum_experiment experiment, const char *path,
                                                       locum_view *view);
/* Removes a field, from the files with the next persist; `existed` may be NULL. */
LOCUM_API locum_status locum_experiment_erase(locum_experiment experiment, const char *field, bool *existed);
/* Lists the names of the fields. Release the list. */
LOCUM_CHECKED locum_status locum_experiment_fields(locum_experiment experiment, locum_names *names);
/* Gives, as the only name, the URL of the file of a field, "" if it is kept inside or was changed; `field`
 * NULL: that of the folder. Release the list. */
LOCUM_CHECKED locum_status locum_experiment_url(locum_experiment experiment, const char *field,
                                                locum_names *url);
/* Gives a stored Record with the members id, status, reason, created_ns, persisted_ns (0: never), host,
 * commit and parameters. Release the view. */
LOCUM_CHECKED locum_status locum_experiment_info(locum_experiment experiment, locum_view *view);
/* Sets the status, "running", "done" or "failed", and why (NULL: nothing). */
LOCUM_CHECKED locum_status locum_experiment_set_status(locum_experiment experiment, const char *status,
                                                       const char *reason);
/* Keeps the fields: whoever opens the experiment finds the old one or the new one, whole. LOCUM_STALE if
 * another program has persisted it since it was read. */
LOCUM_CHECKED locum_status locum_experiment_persist(locum_experiment experiment);
/* Reads it again; changes are lost. LOCUM_NOT_FOUND if there is none. */
LOCUM_CHECKED locum_status locum_experiment_reload(locum_experiment experiment);
/* Persists the fields, changes included, under another ID. LOCUM_KEY_EXISTS if that is in use. */
LOCUM_CHECKED locum_status locum_experiment_copy(locum_experiment experiment, const char *id,
                                                 locum_experiment *copy);
/* Removes the experiment and its folder, with all that is in it; `existed` may be NULL. */
LOCUM_API locum_status locum_experiment_remove(locum_experiment experiment, bool *existed);

/* Lists the experiments of the files: a stored Record, a list of what locum_experiment_info() gives. `query`:
 * a stored Record with the members `where`, a list of members with `parameter`, as "solver.steps", and
 * `equals`, `at_least` or `at_most`; `status`; and `wait_s`, of waiting for other processes. NULL: all.
 * Release the view. */
LOCUM_CHECKED locum_status locum_experiments_list(locum_files files, const char *backend,
                                                  const locum_array *query, locum_view *view);
/* Gives the parameters in which these differ, a stored Record of lists in the order of `ids`. Release the
 * view. */
LOCUM_CHECKED locum_status locum_experiments_compare(locum_files files, const char *backend, size_t count,
                                                     const char *const *ids, locum_view *view);
/* Lists the files of fields that no experiment refers to, which are as old, in seconds, and removes them if
 * that is asked for: a stored Record, a list of members with `path` and `size_bytes`. Younger ones may belong
 * to a persist that has not ended: an hour is 3600. Release the view. */
LOCUM_CHECKED locum_status locum_experiments_garbage(locum_files files, const char *backend,
                                                     double older_than_s, bool removes, locum_view *view);
/* Makes the table of experiments again from their folders. `errors`, which may be NULL: texts of the errors
 * of those that cannot be read. Release the list. `wait_s` 0: 10. */
LOCUM_CHECKED locum_status locum_experiments_rebuild(locum_files files, const char *backend, double wait_s,
                                                     locum_names *errors);
/* Removes one as locum_experiment_remove(), also if it is damaged; `existed` may be NULL. */
LOCUM_API locum_status locum_experiments_remove(locum_files files, const char *backend, const char *id,
                                                bool *existed);

/* Writes a value, as that of locum_files_save(), to a new file under a prefix, which is the name of a folder
 * and no ID of an experiment (LOCUM_KEY_EXISTS). Gives its URL as the only name. Release the list. */
LOCUM_CHECKED locum_status locum_record_io_write(locum_files files, const char *backend, const char *prefix,
                                                 const locum_array *value, locum_names *url);
/* The same of bytes, as they are. */
LOCUM_CHECKED locum_status locum_record_io_write_bytes(locum_files files, const char *backend,
                                                       const char *prefix, const void *bytes, size_t size,
                                                       locum_names *url);
/* Gives what is at such a URL, as locum_files_load() does; of bytes an array of LOCUM_U8; of a field, by
 * locum_experiment_url(), the field. LOCUM_INVALID_ARGUMENT for a URL of another place. Release the view. */
LOCUM_CHECKED locum_status locum_record_io_read(locum_files files, const char *backend, const char *prefix,
                                                const char *url, locum_view *view);
/* Removes a file that was written under the prefix; `existed` may be NULL. */
LOCUM_API locum_status locum_record_io_remove(locum_files files, const char *backend, const char *prefix,
                                              const char *url, bool *existed);

/* ---- Formats and backends of the program's own ---- */

/* Returns `status`, and keeps `text` for locum_error_message(). A function of the program that the library
 * has called ends with it: `return locum_fail(LOCUM_CORRUPT, "at byte 0: no picture; save it again")`. */
LOCUM_API locum_status locum_fail(locum_status status, const char *text);

/* A file that a function of a format loads. Valid until that function returns; later it is
 * LOCUM_INVALID_ARGUMENT. */
typedef struct locum_file_bytes_handle *locum_file_bytes;
/* A file that a function of a format saves; the same. Nobody sees it before it is complete. */
typedef struct locum_file_draft_handle *locum_file_draft;

typedef struct locum_format_option {
  const char *name;
  const char *meaning; /* one sentence */
} locum_format_option;

/* A format of files, as locum::Format in C++. Its functions are called by any number of threads at once. One
 * that returns a status other than LOCUM_OK ends the call of the program with it; the text is that of
 * locum_fail(), or of the call of the library that returned this status last. Files are not trusted: check
 * each length before use. */
typedef struct locum_format {
  const char *name;           /* "raw": lower-case letters, digits, _ and - */
  const char *const *endings; /* lower case, with their dots, and NULL behind the last: {".raw", NULL} */
  const char *holds;          /* one sentence */
  const locum_format_option *options; /* the one behind the last has a NULL for its name; NULL: none */
  /* Gives the value of the file by locum_file_bytes_give(), once. `options` is a stored Record with those
   * that the call has: see locum_record_member(). NULL: the format is not loaded. */
  locum_status (*load)(locum_file_bytes file, const locum_array *options, void *context);
  /* Writes a value, described as for locum_files_save(): its memory is that of the caller. NULL: the format
   * is not saved. */
  locum_status (*save)(const locum_array *value, locum_file_draft file, const locum_array *options,
                       void *context);
  /* Gives a stored Record with members that tell what the file holds, without reading it all: `type` and
   * `extents` of an array. NULL: only format and bytes are told. */
  locum_status (*info)(locum_file_bytes file, const locum_array *options, void *context);
  void *context; /* is given to the functions; has to stay as long as the process */
  /* Returns whether a file that begins with these bytes, at most 512, is probably of this format: the error
   * of a load of a file whose ending no format has names those that say so. NULL: none is. */
  bool (*recognises)(const void *first, size_t count, void *context);
  uint64_t reserved[3]; /* 0 */
} locum_format;

/* Registers a format, for the process and for ever. Copies the texts. LOCUM_KEY_EXISTS if a format has the
 * name or one of the endings. */
LOCUM_CHECKED locum_status locum_register_format(const locum_format *format);

LOCUM_CHECKED locum_status locum_file_bytes_size(locum_file_bytes file, uint64_t *size);
/* Sets the path of a file of the operating system, for libraries that open it themselves; "" if it is none.
 * Valid as long as the file. */
LOCUM_CHECKED locum_status locum_file_bytes_path(locum_file_bytes file, const char **path);
/* Reads bytes. LOCUM_CORRUPT if the file ends before them. */
LOCUM_CHECKED locum_status locum_file_bytes_read(locum_file_bytes file, uint64_t offset, void *into,
                                                 size_t count);
/* Gives all bytes in memory, as an array of LOCUM_BYTE at an address that is aligned to 64: mapped if the
 * program asked for that, else read. They stay as long as the view. Release it. */
LOCUM_CHECKED locum_status locum_file_bytes_view(locum_file_bytes file, locum_view *view);
/* Makes memory for an array that is loaded, the first one where all ranks of the node will read it: reads its
 * type, rank and extents, sets its data and strides. Not cleared. The memory stays until the function
 * returns, and as long as `view`, which may be NULL. */
LOCUM_CHECKED locum_status locum_file_bytes_make(locum_file_bytes file, locum_array *array, locum_view *view);
/* Gives the value that the file holds, described as for locum_files_save(). All of an array that
 * locum_file_bytes_make() has made is taken as it is, and must not be written from then on; another value is
 * copied. */
LOCUM_CHECKED locum_status locum_file_bytes_give(locum_file_bytes file, const locum_array *value);

/* Appends bytes. */
LOCUM_CHECKED locum_status locum_file_draft_write(locum_file_draft file, const void *bytes, size_t count);
/* Replaces bytes that were written. */
LOCUM_CHECKED locum_status locum_file_draft_write_at(locum_file_draft file, uint64_t offset, const void *bytes,
                                                     size_t count);
/* Sets the number of bytes that were appended. */
LOCUM_CHECKED locum_status locum_file_draft_size(locum_file_draft file, uint64_t *size);

/* What a function of a backend answers: a record, or keys. Valid until that function returns. */
typedef struct locum_answer_handle *locum_answer;

typedef enum locum_shared_by {
  LOCUM_BY_PROCESS = 0, /* this process alone has what is stored there */
  LOCUM_BY_HOST = 1,    /* processes of one host */
  LOCUM_BY_HOSTS = 2    /* those of all hosts that reach it */
} locum_shared_by;

/* A backend of stores: records, which are bytes, under keys. Keys have letters, digits and `_-.,+=@~%`, and
 * one `/`, in front of which is the store that the record is of. Several threads call at once, and one waits
 * for another only where both change the same record; `left_s` is how long the call may take. Errors as of a
 * locum_format; LOCUM_TIMEOUT if a server does not answer, LOCUM_PEER_LOST if it cannot be reached. */
typedef struct locum_backend {
  const char *scheme;      /* of its URLs: lower-case letters, digits, - and . */
  uint64_t largest_record; /* in bytes; 0: any */
  uint32_t longest_name;   /* of a key behind its `/`, in bytes, at least 64; 0: 200 */
  bool is_durable;         /* records outlive the process */
  int32_t shared_by;       /* a locum_shared_by. Beyond the process, a put may replace what another process has
                            * put meanwhile: a store over it does not decide between two puts of one name */
  /* Opens the backend of a URL: sets what the other functions get. */
  locum_status (*open)(const char *url, void *context, void **opened);
  /* Ends it: no other function is called any more. NULL: nothing is to be done. */
  void (*close)(void *opened);
  /* Gives the record under a key, in memory of locum_answer_memory(). LOCUM_NOT_FOUND. */
  locum_status (*get)(void *opened, const char *key, locum_answer answer, double left_s);
  /* Stores a record, which consists of `count` parts, in place of one of that key: nobody ever gets a part of
   * it. */
  locum_status (*put)(void *opened, const char *key, const locum_text *parts, size_t count, double left_s);
  /* Removes the record of a key, and sets whether there was one. */
  locum_status (*remove)(void *opened, const char *key, bool *existed, double left_s);
  /* Gives each key that begins with a prefix to locum_answer_key(). NULL: the backend does not list. */
  locum_status (*keys)(void *opened, const char *prefix, locum_answer answer, double left_s);
  void *context;        /* is given to `open`; has to stay as long as the process */
  uint64_t reserved[4]; /* 0 */
} locum_backend;

/* Registers a backend, for the process and for ever: URLs with its scheme open it from then on. Copies the
 * texts. LOCUM_KEY_EXISTS if a backend has the scheme. */
LOCUM_CHECKED locum_status locum_register_backend(const locum_backend *backend);
/* Makes memory for the record that `get` gives, to be filled before that returns. Once. */
LOCUM_CHECKED locum_status locum_answer_memory(locum_answer answer, size_t bytes, void **memory);
/* Adds a key that `keys` gives. */
LOCUM_CHECKED locum_status locum_answer_key(locum_answer answer, const char *key);

/* ---- Stand-ins and promises ---- */

/* Makes a stand-in for an existing object: its handle travels in place of the object. */
LOCUM_CHECKED locum_status locum_proxy_of(locum_store store, const char *name, double deadline_s,
                                          locum_proxy *proxy);
LOCUM_CHECKED locum_status locum_proxy_of_key(locum_store store, const locum_key *key, double deadline_s,
                                              locum_proxy *proxy);
/* Makes a stand-in of a handle, perhaps of another rank. Transfers nothing; an error of the handle is the
 * result of the first use. LOCUM_CLOSED if the runtime, or the session over that backend, is not open
 * here. */
LOCUM_CHECKED locum_status locum_proxy_of_handle(const locum_handle *handle, locum_proxy *proxy);
LOCUM_CHECKED locum_status locum_proxy_handle_of(locum_proxy proxy, locum_handle *handle);
/* Returns the type of the object's elements, and whether it is an array of them, without its transfer: the
 * handle says it. Of texts and bytes, which are arrays of one dimension, it asks for the metadata, within the
 * deadline. LOCUM_NO_TYPE: neither says it, as of classes, encoded values and promises. */
LOCUM_CHECKED locum_status locum_proxy_type(locum_proxy proxy, double deadline_s, int32_t *type,
                                            bool *is_array);
/* Returns the object, pinned; blocks until it has come, or its promise was set. */
LOCUM_CHECKED locum_status locum_proxy_get(locum_proxy proxy, double deadline_s, locum_view *view);
/* Begins to transfer the object, and returns. */
LOCUM_CHECKED locum_status locum_proxy_prefetch(locum_proxy proxy);
/* Returns whether locum_proxy_get() would not block. */
LOCUM_CHECKED locum_status locum_proxy_ready(locum_proxy proxy, bool *ready);
/* Releases the stand-in; the object stays. Sets *proxy to NULL. */
LOCUM_API locum_status locum_proxy_release(locum_proxy *proxy);

/* Makes a promise of an object that is put later, under a name or without one (NULL). */
LOCUM_CHECKED locum_status locum_promise_make(locum_store store, const char *name, double deadline_s,
                                              locum_promise *promise);
/* Makes the stand-in of a promise: who gets it waits until the promise is set. */
LOCUM_CHECKED locum_status locum_promise_proxy(locum_promise promise, locum_proxy *proxy);
/* Puts the promised object. Once. `key` may be NULL. */
LOCUM_CHECKED locum_status locum_promise_set(locum_promise promise, const locum_array *array,
                                             double deadline_s, locum_key *key);
/* Releases the promise; if it was not set, who waits for it gets LOCUM_BROKEN_PROMISE. Sets *promise to
 * NULL. */
LOCUM_API locum_status locum_promise_release(locum_promise *promise);

/* ---- Queues of tasks ---- */

/* Opens the queue of that name over a store, or makes it. */
LOCUM_CHECKED locum_status locum_queue_open(locum_store store, const char *name, locum_queue *queue);
/* Puts a task: an array. `number` may be NULL. */
LOCUM_CHECKED locum_status locum_queue_put(locum_queue queue, const locum_array *array,
                                           const locum_put_options *options, uint64_t *number);
/* Blocks until there is a task that no other process has taken, and takes it. The view is valid until it is
 * released, also after the task was done. LOCUM_END_OF_STREAM once the queue was closed and all tasks are
 * done. */
LOCUM_CHECKED locum_status locum_queue_take(locum_queue queue, double deadline_s, locum_task *task,
                                            locum_view *view);
/* Marks the task as done. Sets *task to NULL. */
LOCUM_API locum_status locum_task_done(locum_task *task, double deadline_s);
/* Returns the task to the queue, for another taker. Sets *task to NULL. */
LOCUM_API locum_status locum_task_release(locum_task *task);
/* Closes the queue to puts, of all processes. */
LOCUM_CHECKED locum_status locum_queue_close(locum_queue queue);
/* Releases the handle; the queue and its tasks stay. Sets *queue to NULL. */
LOCUM_API locum_status locum_queue_release(locum_queue *queue);

/* ---- Steps ---- */

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
