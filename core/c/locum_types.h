/* What all calls in C have in common: statuses, errors, element types, arrays, keys. See locum.h. */
#ifndef LOCUM_LOCUM_TYPES_H
#define LOCUM_LOCUM_TYPES_H

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
/* Returns `status`, and keeps `text` for locum_error_message(). A function of the program that the library
 * has called ends with it: `return locum_fail(LOCUM_CORRUPT, "at byte 0: no picture; save it again")`. */
LOCUM_API locum_status locum_fail(locum_status status, const char *text);
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

#ifdef __cplusplus
}
#endif

#endif
