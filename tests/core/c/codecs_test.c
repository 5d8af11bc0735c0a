/* Values that the program encodes itself, in memory of the store, and by codecs; strides of 0. */
#include <stdint.h>
#include <stdlib.h>

#include "check.h"

static locum_store fields;

/* What a serialiser writes is where readers find it: nothing is copied. */
static void encoded_in_place(void) {
  const char text[] = "written where it stays";
  locum_array memory = {
      .type = LOCUM_ENCODED, .rank = 1, .extents = {sizeof text}, .type_name = LOCUM_TEXT("mesh@pickle")};
  locum_writer writer;
  locum_view view;
  CHECK_OK(locum_create(fields, "mesh", &memory, NULL, &writer));
  CHECK(memory.data != NULL && memory.strides[0] == 1 && (uintptr_t)memory.data % 16 == 0);
  memcpy(memory.data, text, sizeof text);
  CHECK_STATUS(locum_get(fields, "mesh", NULL, &view), LOCUM_NOT_FOUND);
  CHECK_OK(locum_writer_seal(&writer, 0, NULL));
  CHECK_OK(locum_get(fields, "mesh", NULL, &view));
  CHECK(view.array.data == memory.data);
  CHECK(view.array.type == LOCUM_ENCODED && view.array.extents[0] == sizeof text);
  CHECK(view.array.type_name.length == 11 && memcmp(view.array.type_name.first, "mesh@pickle", 11) == 0);
  CHECK(memcmp(view.array.data, text, sizeof text) == 0);
  CHECK_OK(locum_view_release(&view));
  CHECK_OK(locum_evict(fields, "mesh", 0, NULL));

  locum_key key;
  CHECK_OK(locum_create(fields, NULL, &memory, NULL, &writer));
  memcpy(memory.data, text, sizeof text);
  CHECK_OK(locum_writer_seal(&writer, 0, &key));
  CHECK_OK(locum_get_by_key(fields, &key, NULL, &view));
  CHECK(view.array.data == memory.data);
  CHECK_OK(locum_view_release(&view));
  CHECK_OK(locum_evict_by_key(fields, &key, 0, NULL));

  CHECK_OK(locum_create(fields, "mesh", &memory, NULL, &writer));
  CHECK_OK(locum_writer_discard(&writer));
  memory.rank = 2;
  CHECK_STATUS(locum_create(fields, "mesh", &memory, NULL, &writer), LOCUM_INVALID_ARGUMENT);
  CHECK(memory.data == NULL && writer == NULL);
  memory.rank = 1;
  memory.type_name = (locum_text){0};
  CHECK_STATUS(locum_create(fields, "mesh", &memory, NULL, &writer), LOCUM_INVALID_ARGUMENT);
  memory.type_name = LOCUM_TEXT("f64[]"); /* has elements */
  CHECK_STATUS(locum_create(fields, "mesh", &memory, NULL, &writer), LOCUM_INVALID_ARGUMENT);
}

/* Writes doubles as floats. */
struct calls {
  int sizes, encodes, decodes;
  locum_status fails;
  size_t lacks; /* bytes that encode leaves out */
};

static size_t count_of(const locum_array *value) {
  size_t count = 1;
  for (int at = 0; at < value->rank; ++at) {
    count *= (size_t)value->extents[at];
  }
  return count;
}

static locum_status narrow_size(const locum_array *value, size_t *bytes, void *context) {
  ++((struct calls *)context)->sizes;
  *bytes = count_of(value) * sizeof(float);
  return LOCUM_OK;
}

static locum_status endless_size(const locum_array *value, size_t *bytes, void *context) {
  (void)value;
  (void)context;
  *bytes = SIZE_MAX;
  return LOCUM_OK;
}

static locum_status narrow_encode(const locum_array *value, void *memory, size_t capacity, size_t *written,
                                  void *context) {
  struct calls *const calls = context;
  ++calls->encodes;
  const double *from = value->data;
  float *to = memory;
  for (size_t at = 0; at < capacity / sizeof(float); ++at) {
    to[at] = (float)from[at];
  }
  *written = capacity - calls->lacks;
  return calls->fails;
}

static locum_status narrow_decode(const void *bytes, size_t count, const locum_array *value, void *context) {
  ++((struct calls *)context)->decodes;
  if (count != count_of(value) * sizeof(float)) {
    return LOCUM_CORRUPT;
  }
  const float *from = bytes;
  double *to = value->data;
  for (size_t at = 0; at < count / sizeof(float); ++at) {
    to[at] = from[at];
  }
  return LOCUM_OK;
}

static void codecs(void) {
  struct calls calls = {0};
  locum_codec narrow = {
      .name = "f32", .size = narrow_size, .encode = narrow_encode, .decode = narrow_decode, .context = &calls};
  double values[2][3] = {{0, 1, 2}, {3, 4, 5.5}}, back[6] = {0};
  const locum_array array = {.type = LOCUM_F64, .rank = 2, .extents = {2, 3}, .data = values};
  locum_array into = array;
  into.data = back;
  locum_view view;
  for (int by_a_copy = 0; by_a_copy < 2; ++by_a_copy) {
    narrow.at_most = by_a_copy != 0;
    CHECK_OK(locum_put_coded(fields, "T", &array, &narrow, NULL, NULL));
    CHECK_STATUS(locum_put_coded(fields, "T", &array, &narrow, NULL, NULL), LOCUM_KEY_EXISTS);
    CHECK_OK(locum_get(fields, "T", NULL, &view));
    CHECK(view.size_bytes == 6 * sizeof(float));
    CHECK(view.array.type_name.length == 9 && memcmp(view.array.type_name.first, "f64[]@f32", 9) == 0);
    memset(back, 0, sizeof back);
    CHECK_OK(locum_view_decode(&view, &narrow, &into));
    CHECK(memcmp(back, values, sizeof values) == 0);
    CHECK_OK(locum_view_release(&view));
    CHECK_OK(locum_evict(fields, "T", 0, NULL));
  }
  CHECK(calls.sizes == 4 && calls.encodes == 4 && calls.decodes == 2);

  calls.lacks = 8; /* fewer than the bound */
  CHECK_OK(locum_put_coded(fields, "T", &array, &narrow, NULL, NULL));
  values[0][0] = 7;
  CHECK_OK(locum_replace_coded(fields, "T", &array, &narrow, NULL, NULL));
  CHECK_OK(locum_get(fields, "T", NULL, &view));
  CHECK(view.size_bytes == 4 * sizeof(float) && *(const float *)view.array.data == 7);
  CHECK_STATUS(locum_view_decode(&view, &narrow, &into), LOCUM_CORRUPT);
  into.type = LOCUM_F32;
  CHECK_STATUS(locum_view_decode(&view, &narrow, &into), LOCUM_TYPE_MISMATCH);
  into.type = LOCUM_F64;
  narrow.name = "other";
  CHECK_STATUS(locum_view_decode(&view, &narrow, &into), LOCUM_TYPE_MISMATCH);
  CHECK_OK(locum_view_release(&view));
  CHECK_STATUS(locum_view_decode(&view, &narrow, &into), LOCUM_INVALID_ARGUMENT);
  CHECK_OK(locum_evict(fields, "T", 0, NULL));

  locum_codec endless = narrow;
  endless.size = endless_size;
  CHECK_STATUS(locum_put_coded(fields, "T", &array, &endless, NULL, NULL), LOCUM_VALUE_TOO_LARGE);

  narrow.at_most = false; /* then the size is exact, or nothing is stored */
  CHECK_STATUS(locum_put_coded(fields, "T", &array, &narrow, NULL, NULL), LOCUM_INVALID_ARGUMENT);
  calls.lacks = 0;
  calls.fails = LOCUM_CANCELLED;
  CHECK_STATUS(locum_put_coded(fields, "T", &array, &narrow, NULL, NULL), LOCUM_CANCELLED);
  narrow.name = "no name";
  calls.fails = LOCUM_OK;
  CHECK_STATUS(locum_put_coded(fields, "T", &array, &narrow, NULL, NULL), LOCUM_INVALID_ARGUMENT);
  narrow.decode = NULL;
  CHECK_STATUS(locum_put_coded(fields, "T", &array, &narrow, NULL, NULL), LOCUM_INVALID_ARGUMENT);
  CHECK_STATUS(locum_put_coded(fields, "T", &array, NULL, NULL, NULL), LOCUM_INVALID_ARGUMENT);
  CHECK_STATUS(locum_get(fields, "T", NULL, &view), LOCUM_NOT_FOUND);
}

/* One element for all of a dimension: may be stored, cannot be read into. */
static void strides_of_0(void) {
  double row[3] = {1, 2, 3}, one = 9, read[6];
  locum_array array = {.type = LOCUM_F64, .rank = 2, .extents = {2, 3}, .data = row};
  locum_view view;
  for (int64_t stride = LOCUM_REPEAT;; stride = 0) { /* beside another stride both mean the same */
    array.strides[0] = stride;
    array.strides[1] = sizeof(double);
    CHECK_OK(locum_replace(fields, "rows", &array, NULL, NULL));
    CHECK_OK(locum_get(fields, "rows", NULL, &view));
    const double *got = view.array.data;
    CHECK(memcmp(got, row, sizeof row) == 0 && memcmp(got + 3, row, sizeof row) == 0);
    CHECK_OK(locum_view_release(&view));
    CHECK_STATUS(locum_read(fields, "rows", &array, NULL), LOCUM_INVALID_ARGUMENT);
    if (stride == 0) {
      break;
    }
  }
  array.data = &one;
  array.strides[0] = array.strides[1] = LOCUM_REPEAT;
  CHECK_OK(locum_replace(fields, "rows", &array, NULL, NULL));
  CHECK_STATUS(locum_read(fields, "rows", &array, NULL), LOCUM_INVALID_ARGUMENT);
  array.data = read;
  array.strides[0] = array.strides[1] = 0; /* no gaps */
  CHECK_OK(locum_read(fields, "rows", &array, NULL));
  for (int at = 0; at < 6; ++at) {
    CHECK(read[at] == 9);
    read[at] = at;
  }
  CHECK_OK(locum_replace(fields, "rows", &array, NULL, NULL));
  CHECK_OK(locum_get(fields, "rows", NULL, &view));
  CHECK(memcmp(view.array.data, read, sizeof read) == 0);
  CHECK_OK(locum_view_release(&view));
  /* Of one element no other has the place. */
  locum_array single = {.type = LOCUM_F64, .rank = 1, .extents = {1}, .strides = {LOCUM_REPEAT}, .data = &one};
  CHECK_OK(locum_replace(fields, "rows", &single, NULL, NULL));
  one = 0;
  CHECK_OK(locum_read(fields, "rows", &single, NULL));
  CHECK(one == 9);
  CHECK_OK(locum_evict(fields, "rows", 0, NULL));
}

int main(void) {
  CHECK_OK(locum_open("memory:", NULL, &fields));
  encoded_in_place();
  codecs();
  strides_of_0();
  uint64_t left = 1;
  CHECK_OK(locum_size(fields, 0, &left));
  CHECK(left == 0);
  CHECK_OK(locum_store_release(&fields));
  printf("%s: %d failures\n", failures == 0 ? "passed" : "FAILED", failures);
  return failures == 0 ? 0 : 1;
}
