/* Files in the formats that everybody reads, in C. See locum.h for errors, handles and options. */
#ifndef LOCUM_LOCUM_FILES_H
#define LOCUM_LOCUM_FILES_H

#include <locum/locum_stand_ins.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct locum_files_handle *locum_files;

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

#ifdef __cplusplus
}
#endif

#endif
