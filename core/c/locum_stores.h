/* Stores in C: sessions, and objects that are written, read and listed, at once or while the program computes. See
 * locum.h for errors, handles and options. */
#ifndef LOCUM_LOCUM_STORES_H
#define LOCUM_LOCUM_STORES_H

#include <locum/locum_types.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct locum_session_handle *locum_session;
typedef struct locum_store_handle *locum_store;
typedef struct locum_writer_handle *locum_writer;
typedef struct locum_future_handle *locum_future;

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

#ifdef __cplusplus
}
#endif

#endif
