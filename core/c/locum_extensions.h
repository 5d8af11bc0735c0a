/* Formats and backends of the program's own, in C. See locum.h for errors and options. */
#ifndef LOCUM_LOCUM_EXTENSIONS_H
#define LOCUM_LOCUM_EXTENSIONS_H

#include <locum/locum_files.h>

#ifdef __cplusplus
extern "C" {
#endif

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

#ifdef __cplusplus
}
#endif

#endif
