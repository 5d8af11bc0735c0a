/* Arrays of Zarr in C: larger than memory, in chunks that are files of their own. See locum.h for errors, handles
 * and options. */
#ifndef LOCUM_LOCUM_ZARR_H
#define LOCUM_LOCUM_ZARR_H

#include <locum/locum_files.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct locum_zarr_handle *locum_zarr;
typedef struct locum_zarr_group_handle *locum_zarr_group;

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

#ifdef __cplusplus
}
#endif

#endif
