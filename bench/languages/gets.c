#include "bench/languages/gets.h"

#include <stdlib.h>

void gets_in_c(locum_store store, const char *const *names, int32_t count, int32_t from, int32_t times) {
  for (int32_t at = from; times > 0; --times) {
    locum_view view;
    if (locum_get(store, names[at], NULL, &view) != LOCUM_OK) abort();
    if (locum_view_release(&view) != LOCUM_OK) abort();
    at = at + 1 == count ? 0 : at + 1;
  }
}
