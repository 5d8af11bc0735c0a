/* usage: pairs_c LANGUAGES    The program in C of README.md. */
#include <complex.h>
#include <locum/locum_mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { cxx, c, fortran, python, together, most_rank = 7, most_elements = 30000, most_bytes = 16 * most_elements };
static const char *const names[] = {"C++", "C", "Fortran", "Python", "all"};
static const size_t sizes[] = {0, 1, 2, 4, 8, 1, 2, 4, 8, 4, 8, 8, 16, 1, 1, 1};
static const int64_t lengths[] = {2, 3, 5};
static const char *languages;
static int failures;
static long arrays, elements;

static void ok(locum_status status, const char *what) {
  if (status == LOCUM_OK) return;
  printf("FAILED: C: %s: %s\n", what, locum_error_message());
  MPI_Abort(MPI_COMM_WORLD, 1);
}

static bool has(int language, int type) {
  if (language == fortran) return type <= LOCUM_I64 || (type >= LOCUM_F32 && type <= LOCUM_BOOL);
  return language != python || type <= LOCUM_BOOL;
}
static bool stores(int language, int type, int rank) {
  return has(language, type) || (rank == 1 && (type == LOCUM_CHAR || (type == LOCUM_BYTE && language == python)));
}

static void set(int type, void *element, int v) {
  switch (type) {
    case LOCUM_I8: *(int8_t *)element = (int8_t)(v - 50); break;
    case LOCUM_I16: *(int16_t *)element = (int16_t)((v - 50) * 601); break;
    case LOCUM_I32: *(int32_t *)element = (v - 50) * 42000007; break;
    case LOCUM_I64: *(int64_t *)element = (v - 50) * INT64_C(180143985094819841); break;
    case LOCUM_U8: case LOCUM_BYTE: *(uint8_t *)element = (uint8_t)(v * 2); break;
    case LOCUM_U16: *(uint16_t *)element = (uint16_t)(v * 601); break;
    case LOCUM_U32: *(uint32_t *)element = (uint32_t)v * UINT32_C(42000007); break;
    case LOCUM_U64: *(uint64_t *)element = (uint64_t)v * UINT64_C(180143985094819841); break;
    case LOCUM_F32: *(float *)element = (float)(v - 50) * 0.75F; break;
    case LOCUM_F64: *(double *)element = (v - 50) * (1 + 0x1p-40); break;
    case LOCUM_C64: *(float complex *)element = CMPLXF((float)(v - 50) * 0.75F, (float)v * 0.25F + 1); break;
    case LOCUM_C128: *(double complex *)element = CMPLX((v - 50) * 0.75, v * 0.25 + 1); break;
    case LOCUM_BOOL: *(bool *)element = v % 2 != 0; break;
    default: *(char *)element = (char)('a' + v % 26);
  }
}

static int64_t length_of(int language, int rank, int dimension) { return lengths[(dimension + language + rank) % 3]; }

/* Fills memory with a box of an array of that many dimensions. */
static size_t fill(char *memory, int language, int type, int rank, const locum_box *box) {
  const int weights[] = {3, 5, 7, 11, 19, 23, 29};
  size_t count = 1;
  for (int k = 0; k < rank; ++k) count *= (size_t)box->count[k];
  if (count > most_elements) MPI_Abort(MPI_COMM_WORLD, 2);
  for (size_t at = 0; at < count; ++at) {
    int64_t sum = 13 * language + 7 * type + 17 * rank;
    size_t left = at;
    for (int k = rank - 1; k >= 0; --k) {
      const size_t index = left % (size_t)box->count[k];
      left /= (size_t)box->count[k];
      sum += weights[k] * (box->start[k] + box->stride[k] * (int64_t)index);
    }
    set(type, memory + at * sizes[type], (int)(sum % 101));
  }
  return count;
}

static locum_box whole(int rank, const int64_t *extents) {
  locum_box box = {.rank = rank};
  for (int k = 0; k < rank; ++k) {
    box.count[k] = extents[k];
    box.stride[k] = 1;
  }
  return box;
}
static locum_box part(int rank, const int64_t *extents) {
  locum_box box = {.rank = rank};
  for (int k = 0; k < rank; ++k) {
    box.start[k] = k % 2 == 0;
    box.stride[k] = 2 + k % 2;
    box.count[k] = k % 2 == 0 ? extents[k] / 2 : (extents[k] + 2) / 3;
  }
  return box;
}
static locum_array array_of(int type, const locum_box *box, void *memory) {
  locum_array array = {.type = type, .rank = box->rank, .data = memory};
  memcpy(array.extents, box->count, sizeof array.extents);
  return array;
}

/* Compares an array of a language with what it must be. */
static void compare(const char *what, int language, const locum_box *box, int rank, int type, const locum_array *array) {
  static char expected[most_bytes];
  const size_t count = fill(expected, language, type, rank, box);
  bool is_same = array->type == type && array->rank == box->rank;
  for (int k = 0; is_same && k < rank; ++k) is_same = array->extents[k] == box->count[k];
  if (!is_same || memcmp(array->data, expected, count * sizes[type]) != 0) {
    if (++failures <= 5)
      printf("FAILED: C reads %s of %s otherwise: %s\n", what, names[language], is_same ? "elements" : "type or extents");
  }
  ++arrays;
  elements += (long)count;
}

static void write_objects(locum_store store) {
  static char memory[most_bytes];
  char name[40];
  for (int type = LOCUM_I8; type <= LOCUM_BYTE; ++type) {
    for (int rank = 0; rank <= most_rank; ++rank) {
      int64_t extents[LOCUM_MAX_RANK];
      for (int k = 0; k < rank; ++k) extents[k] = length_of(c, rank, k);
      const locum_box box = whole(rank, extents);
      const size_t count = fill(memory, c, type, rank, &box);
      locum_array array = array_of(type, &box, memory);
      snprintf(name, sizeof name, "%d/%d/%d", c, type, rank);
      ok(locum_put(store, name, &array, NULL, NULL), name);
      if (rank == 0) continue;
      locum_writer writer;
      strcat(name, "/made");
      ok(locum_create(store, name, &array, NULL, &writer), name);
      memcpy(array.data, memory, count * sizes[type]);
      ok(locum_writer_seal(&writer, 0, NULL), name);
    }
  }
}

static void read_objects(locum_store store, int language) {
  static char memory[most_bytes];
  char name[40];
  locum_view view;
  for (int type = LOCUM_I8; type <= LOCUM_BYTE; ++type) {
    for (int rank = 0; rank <= most_rank; ++rank) {
      if (!stores(language, type, rank)) continue;
      int64_t extents[LOCUM_MAX_RANK];
      for (int k = 0; k < rank; ++k) extents[k] = length_of(language, rank, k);
      locum_box box = whole(rank, extents);
      snprintf(name, sizeof name, "%d/%d/%d", language, type, rank);
      ok(locum_get(store, name, NULL, &view), name);
      compare(name, language, &box, rank, type, &view.array);
      ok(locum_view_release(&view), name);
      if (rank == 0) continue;
      const locum_read_options options = {.box = part(rank, extents)};
      const locum_array into = array_of(type, &options.box, memory);
      ok(locum_read(store, name, &into, &options), name);
      compare("a box", language, &options.box, rank, type, &into);
      if (!has(language, type)) continue;
      strcat(name, "/made");
      ok(locum_get(store, name, NULL, &view), name);
      compare(name, language, &box, rank, type, &view.array);
      ok(locum_view_release(&view), name);
    }
  }
}

/* Returns the dimensions of the global array, and, in `block`, those of one language's block. */
static void place(int language, int type, int rank, int64_t *extents, locum_box *block) {
  const int64_t sizes_of_blocks[] = {2, 3, 5, 2};
  const int cut = type % rank;
  for (int k = 0; k < rank; ++k) extents[k] = length_of(together, rank, k);
  extents[cut] = 0;
  *block = whole(rank, extents);
  for (const char *other = languages; *other != 0; ++other) {
    const int theirs = *other - '0';
    if (!has(theirs, type)) continue;
    if (theirs == language) {
      block->start[cut] = extents[cut];
      block->count[cut] = sizes_of_blocks[theirs];
    }
    extents[cut] += sizes_of_blocks[theirs];
  }
}

static void put_into(locum_output_step step, const char *name, const locum_array *array, size_t bytes, const locum_block *block) {
  if (array->type % 2 == 0) {
    ok(locum_step_put(step, name, array, block, 0), name);
    return;
  }
  locum_array made = *array;
  ok(locum_step_create(step, name, &made, block, 0), name);
  memcpy(made.data, array->data, bytes);
}

static void write_step(locum_step_writer out, int rank) {
  static char memory[most_bytes];
  char name[40];
  locum_output_step step;
  ok(locum_step_begin(out, 0, &step), "begin");
  for (int type = LOCUM_I8; type <= LOCUM_BYTE; ++type) {
    int64_t extents[LOCUM_MAX_RANK];
    for (int k = 0; k < rank; ++k) extents[k] = length_of(c, rank, k);
    locum_box box = whole(rank, extents);
    size_t count = fill(memory, c, type, rank, &box);
    locum_array array = array_of(type, &box, memory);
    snprintf(name, sizeof name, "own/%d", type);
    put_into(step, name, &array, count * sizes[type], NULL);
    place(c, type, rank, extents, &box);
    count = fill(memory, together, type, rank, &box);
    array = array_of(type, &box, memory);
    locum_block block = {.rank = rank};
    memcpy(block.shape, extents, (size_t)rank * sizeof extents[0]);
    memcpy(block.start, box.start, sizeof block.start);
    snprintf(name, sizeof name, "all/%d", type);
    put_into(step, name, &array, count * sizes[type], &block);
  }
  ok(locum_step_end(&step, 0), "end");
}

static void read_step(locum_step_reader in, int rank) {
  static char memory[most_bytes];
  char name[40];
  locum_input_step step;
  ok(locum_step_next(in, 60, &step), "next");
  for (int type = LOCUM_I8; type <= LOCUM_BYTE; ++type) {
    int64_t extents[LOCUM_MAX_RANK];
    locum_box box;
    snprintf(name, sizeof name, "own/%d", type);
    for (const char *other = languages; *other != 0; ++other) {
      const int theirs = *other - '0';
      if (!has(theirs, type)) continue;
      for (int k = 0; k < rank; ++k) extents[k] = length_of(theirs, rank, k);
      box = whole(rank, extents);
      locum_view view;
      ok(locum_step_get(step, name, (int32_t)(other - languages), 0, &view), name);
      compare(name, theirs, &box, rank, type, &view.array);
      ok(locum_view_release(&view), name);
    }
    snprintf(name, sizeof name, "all/%d", type);
    place(c, type, rank, extents, &box);
    box = whole(rank, extents);
    locum_array into = array_of(type, &box, memory);
    ok(locum_step_read(step, name, &into, NULL), name);
    compare(name, together, &box, rank, type, &into);
    const locum_read_options options = {.box = part(rank, extents)};
    into = array_of(type, &options.box, memory);
    ok(locum_step_read(step, name, &into, &options), name);
    compare("a box of a step", together, &options.box, rank, type, &into);
  }
  MPI_Barrier(MPI_COMM_WORLD); /* a reader that joins later would not find the step any more */
  ok(locum_step_release(&step), "release");
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  if (argc != 2) return 2;
  languages = argv[1];
  locum_runtime runtime;
  locum_store store;
  locum_ranks all, one;
  locum_step_writer out;
  locum_step_reader in;
  ok(locum_runtime_open(MPI_COMM_WORLD, &(locum_runtime_options){.memory_bytes = 64 << 20}, &runtime), "runtime");
  ok(locum_runtime_store(runtime, "pairs", NULL, &store), "store");
  write_objects(store);
  MPI_Barrier(MPI_COMM_WORLD);
  for (const char *other = languages; *other != 0; ++other) {
    const long before = arrays;
    read_objects(store, *other - '0');
    printf("C read %ld arrays of %s\n", arrays - before, names[*other - '0']);
    if (arrays - before < 100) ++failures;
  }
  ok(locum_runtime_ranks(runtime, MPI_COMM_WORLD, &all), "ranks");
  ok(locum_runtime_ranks(runtime, MPI_COMM_SELF, &one), "ranks");
  ok(locum_step_writer_open(all, "pairs", NULL, &out), "writer");
  ok(locum_step_reader_open(one, "pairs", NULL, &in), "reader");
  for (int rank = 1; rank <= most_rank; ++rank) {
    write_step(out, rank);
    read_step(in, rank);
  }
  ok(locum_step_reader_close(&in), "close");
  ok(locum_step_writer_close(&out, 0), "close");
  printf("C compared %ld elements of %ld arrays; %d are wrong\n", elements, arrays, failures);
  ok(locum_ranks_release(&one), "ranks");
  ok(locum_ranks_release(&all), "ranks");
  ok(locum_store_release(&store), "store");
  ok(locum_runtime_close(&runtime, 0), "close");
  MPI_Finalize();
  return failures == 0 ? 0 : 1;
}
