/* usage: by_index_c write|read URL    Writes arrays of C under c/, or checks those of Fortran under fortran/:
 * each value by its indices. by_index.f90 is its counterpart. */
#include <complex.h>
#include <string.h>

#include "../c/check.h"

enum { nz = 2, ny = 3, nx = 5 };

static double value(int z, int y, int x) {
  return 100 * z + 10 * y + x;
}

static void write_all(locum_store store) {
  double field[nz][ny][nx];
  for (int z = 0; z < nz; ++z)
    for (int y = 0; y < ny; ++y)
      for (int x = 0; x < nx; ++x)
        field[z][y][x] = value(z, y, x);
  const locum_array array = {.type = LOCUM_F64, .rank = 3, .extents = {nz, ny, nx}, .data = field};
  CHECK_OK(locum_put(store, "c/field", &array, NULL, NULL));
  int32_t number = 42;
  const locum_array scalar = {.type = LOCUM_I32, .data = &number};
  CHECK_OK(locum_put(store, "c/number", &scalar, NULL, NULL));
  char letters[] = "a text";
  const locum_array text = {.type = LOCUM_CHAR, .rank = 1, .extents = {6}, .data = letters};
  CHECK_OK(locum_put(store, "c/text", &text, NULL, NULL));
  double complex pairs[ny][nz];
  for (int y = 0; y < ny; ++y)
    for (int z = 0; z < nz; ++z)
      pairs[y][z] = CMPLX(y, -z);
  const locum_array numbers = {.type = LOCUM_C128, .rank = 2, .extents = {ny, nz}, .data = pairs};
  CHECK_OK(locum_put(store, "c/complex", &numbers, NULL, NULL));
  uint16_t whole[] = {1, 2, 3};
  const locum_array natural = {.type = LOCUM_U16, .rank = 1, .extents = {3}, .data = whole};
  CHECK_OK(locum_put(store, "c/unsigned", &natural, NULL, NULL));
  bool both[] = {true, false};
  const locum_array flags = {.type = LOCUM_BOOL, .rank = 1, .extents = {2}, .data = both};
  CHECK_OK(locum_put(store, "c/flags", &flags, NULL, NULL));
}

static void read_all(locum_store store) {
  locum_view view;
  CHECK_OK(locum_wait(store, "fortran/field", &(locum_get_options){.deadline_s = 60}, &view));
  CHECK(view.array.type == LOCUM_F64 && view.array.rank == 3);
  CHECK(view.array.extents[0] == nz && view.array.extents[1] == ny && view.array.extents[2] == nx);
  const double(*field)[ny][nx] = view.array.data;
  for (int z = 0; z < nz; ++z)
    for (int y = 0; y < ny; ++y)
      for (int x = 0; x < nx; ++x)
        CHECK(field[z][y][x] == value(z, y, x));
  CHECK_OK(locum_view_release(&view));

  /* In Fortran: the section (2:4:2, 3:1:-2, 2:2) of it. */
  CHECK_OK(locum_get(store, "fortran/section", NULL, &view));
  CHECK(view.array.extents[0] == 1 && view.array.extents[1] == 2 && view.array.extents[2] == 2);
  const double(*section)[2] = view.array.data;
  for (int y = 0; y < 2; ++y)
    for (int x = 0; x < 2; ++x)
      CHECK(section[y][x] == value(1, 2 - 2 * y, 1 + 2 * x));
  CHECK_OK(locum_view_release(&view));

  double box[1][2][3];
  const locum_array into = {.type = LOCUM_F64, .rank = 3, .extents = {1, 2, 3}, .data = box};
  CHECK_OK(locum_read(store, "fortran/field", &into,
                      &(locum_read_options){
                          .box = {.rank = 3, .start = {1, 0, 1}, .count = {1, 2, 3}, .stride = {1, 2, 1}}}));
  for (int y = 0; y < 2; ++y)
    for (int x = 0; x < 3; ++x)
      CHECK(box[0][y][x] == value(1, 2 * y, 1 + x));

  CHECK_OK(locum_get(store, "fortran/lines", NULL, &view));
  CHECK(view.array.type == LOCUM_CHAR && view.array.rank == 2 && view.array.extents[0] == 2 &&
        view.array.extents[1] == 4);
  CHECK(memcmp(view.array.data, "one two ", 8) == 0);
  CHECK_OK(locum_view_release(&view));
  CHECK_OK(locum_get(store, "fortran/text", NULL, &view));
  CHECK(view.array.type == LOCUM_CHAR && view.array.rank == 1 && view.array.extents[0] == 12);
  CHECK(memcmp(view.array.data, "from Fortran", 12) == 0);
  CHECK_OK(locum_view_release(&view));
  CHECK_OK(locum_get(store, "fortran/complex", NULL, &view));
  CHECK(view.array.type == LOCUM_C64 && view.array.rank == 0);
  CHECK(*(const float complex*)view.array.data == CMPLXF(1, -2));
  CHECK_OK(locum_view_release(&view));
  CHECK_OK(locum_get(store, "fortran/flags", NULL, &view));
  CHECK(view.array.type == LOCUM_BOOL && view.array.extents[0] == 2);
  CHECK(!((const bool*)view.array.data)[0] && ((const bool*)view.array.data)[1]);
  CHECK_OK(locum_view_release(&view));
}

int main(int count, char** arguments) {
  locum_store store;
  if (count != 3 || locum_open(arguments[2], NULL, &store) != LOCUM_OK) {
    printf("usage: by_index_c write|read URL (%s)\n", locum_error_message());
    return 2;
  }
  (strcmp(arguments[1], "write") == 0 ? write_all : read_all)(store);
  CHECK_OK(locum_store_release(&store));
  return failures == 0 ? 0 : 1;
}
