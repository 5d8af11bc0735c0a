/* The loops that bench/languages measures, one a language: each gets objects by name, in turn, and releases them. */
#pragma once

#include <locum/locum.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The names are those from `from` on, one after the other; after the last one the first. Each has `length` characters. */
void gets_in_c(locum_store store, const char *const *names, int32_t count, int32_t from, int32_t times);
void gets_in_fortran(locum_store store, const char *const *names, int32_t length, int32_t count, int32_t from, int32_t times);

#ifdef __cplusplus
}
#endif
