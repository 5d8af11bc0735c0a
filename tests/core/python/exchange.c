/* usage: exchange URL    Checks what Python has put into a store, and puts what Python checks: see test_processes.py. */
#include <complex.h>

#include "tests/core/c/check.h"

static size_t size_of(int type) {
  const size_t sizes[] = {0, 1, 2, 4, 8, 1, 2, 4, 8, 4, 8, 8, 16, 1};
  return sizes[type];
}

/* The element with the indices z, y, x has the value 100 z + 10 y + x, as far as its type has it. */
static void set(int type, void *element, int value) {
  switch (type) {
    case LOCUM_I8: *(int8_t *)element = (int8_t)value; break;
    case LOCUM_I16: *(int16_t *)element = (int16_t)value; break;
    case LOCUM_I32: *(int32_t *)element = value; break;
    case LOCUM_I64: *(int64_t *)element = value; break;
    case LOCUM_U8: *(uint8_t *)element = (uint8_t)value; break;
    case LOCUM_U16: *(uint16_t *)element = (uint16_t)value; break;
    case LOCUM_U32: *(uint32_t *)element = (uint32_t)value; break;
    case LOCUM_U64: *(uint64_t *)element = (uint64_t)value; break;
    case LOCUM_F32: *(float *)element = (float)value; break;
    case LOCUM_F64: *(double *)element = value; break;
    case LOCUM_C64: *(float _Complex *)element = (float)value; break;
    case LOCUM_C128: *(double _Complex *)element = value; break;
    default: *(bool *)element = value % 2 != 0;
  }
}

static locum_array all(int type, void *memory) {
  char *element = memory;
  for (int z = 0; z < 2; ++z)
    for (int y = 0; y < 3; ++y)
      for (int x = 0; x < 5; ++x, element += size_of(type)) set(type, element, 100 * z + 10 * y + x);
  return (locum_array){.type = type, .rank = 3, .extents = {2, 3, 5}, .data = memory};
}

static void check_same(locum_store store, const char *name, const locum_array *expected) {
  locum_view view;
  CHECK_OK(locum_get(store, name, NULL, &view));
  CHECK(view.array.type == expected->type && view.array.rank == expected->rank);
  size_t bytes = size_of(expected->type);
  for (int at = 0; at < expected->rank; ++at) {
    CHECK(view.array.extents[at] == expected->extents[at]);
    bytes *= (size_t)expected->extents[at];
  }
  CHECK(view.size_bytes == bytes && memcmp(view.array.data, expected->data, bytes) == 0);
  CHECK_OK(locum_view_release(&view));
}

static void is_text(locum_store store, const char *name, int type, const char *bytes, size_t length) {
  locum_view view;
  CHECK_OK(locum_get(store, name, NULL, &view));
  CHECK(view.array.type == type && view.array.rank == 1 && view.size_bytes == length);
  CHECK(memcmp(view.array.data, bytes, length) == 0);
  CHECK_OK(locum_view_release(&view));
}

static void put(locum_store store, const char *name, locum_array array) {
  CHECK_OK(locum_put(store, name, &array, NULL, NULL));
}

int main(int argc, char **argv) {
  locum_store store;
  if (argc != 2 || locum_open(argv[1], NULL, &store) != LOCUM_OK) {
    printf("%s\n", locum_error_message());
    return 2;
  }
  static double memory[60]; /* aligned for any of the types */
  char name[32];
  for (int type = LOCUM_I8; type <= LOCUM_BOOL; ++type) {
    const locum_array array = all(type, memory);
    snprintf(name, sizeof name, "python/%d", type);
    check_same(store, name, &array);
    snprintf(name, sizeof name, "c/%d", type);
    put(store, name, array);
  }
  locum_array array = all(LOCUM_F64, memory);
  check_same(store, "python/fortran", &array);
  is_text(store, "python/text", LOCUM_CHAR, "caf\xC3\xA9", 5);
  is_text(store, "python/bytes", LOCUM_BYTE, "\0\1\2", 3);
  int64_t number = -5;
  array = (locum_array){.type = LOCUM_I64, .data = &number};
  check_same(store, "python/int", &array);
  put(store, "c/int", array);

  locum_view view;
  CHECK_OK(locum_get(store, "python/object", NULL, &view));
  CHECK(view.array.type == LOCUM_ENCODED && view.size_bytes > 8 && memcmp(view.array.data, "locum.py", 8) == 0);
  CHECK_OK(locum_view_release(&view));
  array = (locum_array){.type = LOCUM_F64, .rank = 1, .extents = {5}, .data = memory};
  CHECK_STATUS(locum_read(store, "python/object", &array, NULL), LOCUM_TYPE_MISMATCH);

  array = all(LOCUM_F64, memory); /* rows backwards, each second column */
  array.data = memory + 10;
  array.extents[2] = 3;
  array.strides[0] = 15 * sizeof(double);
  array.strides[1] = -5 * (int64_t)sizeof(double);
  array.strides[2] = 2 * sizeof(double);
  put(store, "c/strided", array);
  put(store, "c/text", (locum_array){.type = LOCUM_CHAR, .rank = 1, .extents = {5}, .data = "caf\xC3\xA9"});
  put(store, "c/bytes", (locum_array){.type = LOCUM_BYTE, .rank = 1, .extents = {3}, .data = "\0\1\2"});
  struct {
    double x;
    int64_t n;
  } points[3] = {{1.5, 1}, {2.5, 2}, {3.5, 3}};
  array = (locum_array){.type = LOCUM_CLASS, .rank = 1, .extents = {3}, .data = points, .type_name = LOCUM_TEXT("point{16}")};
  put(store, "c/class", array);
  array.rank = 0;
  put(store, "c/one class", array);
  put(store, "c/encoded", (locum_array){.type = LOCUM_ENCODED, .rank = 1, .extents = {3}, .data = "abc", .type_name = LOCUM_TEXT("mesh@theirs")});
  locum_store_release(&store);
  return failures == 0 ? 0 : 1;
}
