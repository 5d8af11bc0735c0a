/* Experiments: what a program in C keeps and finds again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

static locum_files files;

static bool text_is(locum_text text, const char* expected) {
  return text.length == strlen(expected) && memcmp(text.first, expected, text.length) == 0;
}

static void fields(void) {
  static double T[1000];
  for (int at = 0; at < 1000; ++at)
    T[at] = at;
  const double dt = 0.1;
  locum_experiment experiment, again, copy;
  locum_view view, member;
  locum_names names;
  CHECK_OK(locum_experiment_open(files, "e17", &(locum_experiment_options){.commit = "1a2b3c"}, &experiment));
  CHECK_OK(locum_experiment_set(experiment, "T",
                                &(locum_array){.type = LOCUM_F64, .rank = 1, .extents = {1000}, .data = T}));
  CHECK_OK(locum_experiment_set(experiment, "dt", &(locum_array){.type = LOCUM_F64, .data = (void*)&dt}));
  CHECK_OK(locum_experiment_set(
      experiment, "name", &(locum_array){.type = LOCUM_CHAR, .rank = 1, .extents = {4}, .data = "salt"}));
  T[3] = -1; /* the field is a copy */
  CHECK_OK(locum_experiment_set_status(experiment, "done", NULL));
  CHECK(locum_experiment_set_status(experiment, "finished", NULL) == LOCUM_INVALID_ARGUMENT);
  CHECK_OK(locum_experiment_persist(experiment));
  CHECK_OK(locum_experiment_url(experiment, "T", &names));
  CHECK(names.count == 1 && names.names[0].length > 0);
  CHECK_OK(locum_names_release(&names));

  CHECK_OK(locum_experiment_open(files, "e17", NULL, &again));
  CHECK_OK(locum_experiment_fields(again, &names));
  CHECK(names.count == 3 && text_is(names.names[0], "T") && text_is(names.names[2], "name"));
  CHECK_OK(locum_names_release(&names));
  CHECK_OK(locum_experiment_get(again, "T", &view));
  CHECK(view.array.type == LOCUM_F64 && view.array.extents[0] == 1000 && ((const double*)view.array.data)[3] == 3);
  CHECK_OK(locum_view_release(&view));
  CHECK_OK(locum_experiment_info(again, &view));
  CHECK_OK(locum_record_member(&view.array, "commit", &member));
  CHECK(text_is((locum_text){member.array.data, (size_t)member.array.extents[0]}, "1a2b3c"));
  CHECK_OK(locum_view_release(&member));
  CHECK_OK(locum_view_release(&view));

  bool existed = false;
  CHECK_OK(locum_experiment_erase(again, "dt", &existed));
  CHECK(existed);
  CHECK_OK(locum_experiment_copy(again, "e18", &copy));
  CHECK_OK(locum_experiment_persist(again));
  CHECK(locum_experiment_persist(experiment) == LOCUM_STALE);
  CHECK_OK(locum_experiment_reload(experiment));
  CHECK_OK(locum_experiment_get(experiment, "dt", &view));
  CHECK(view.array.type == LOCUM_ENCODED && view.array.extents[0] == 2); /* null: version and tag */
  CHECK_OK(locum_view_release(&view));
  CHECK_OK(locum_experiment_remove(copy, &existed));
  CHECK(existed);
  CHECK_OK(locum_experiment_close(&copy));
  CHECK_OK(locum_experiment_close(&again));
  CHECK_OK(locum_experiment_close(&experiment));
  CHECK(experiment == NULL && locum_experiment_persist(NULL) == LOCUM_INVALID_ARGUMENT);
  CHECK(locum_experiment_open(files, "../e", NULL, &experiment) == LOCUM_INVALID_ARGUMENT);
  CHECK(locum_experiment_open(files, "e", &(locum_experiment_options){.reserved = {1}}, &experiment) ==
        LOCUM_UNSUPPORTED);
}

static void lists(void) {
  locum_view view;
  CHECK_OK(locum_experiments_list(files, NULL, NULL, &view));
  CHECK(view.array.type == LOCUM_ENCODED);
  CHECK_OK(locum_view_release(&view));
  const double none = 0;
  CHECK(locum_experiments_list(files, NULL, &(locum_array){.type = LOCUM_F64, .data = (void*)&none}, &view) ==
        LOCUM_INVALID_ARGUMENT);
  CHECK_OK(locum_experiments_compare(files, NULL, 1, (const char* const[]){"e17"}, &view));
  CHECK_OK(locum_view_release(&view));
  CHECK(locum_experiments_compare(files, NULL, 1, (const char* const[]){"none"}, &view) == LOCUM_NOT_FOUND);
  CHECK_OK(locum_experiments_garbage(files, NULL, 3600, true, &view));
  CHECK_OK(locum_view_release(&view));
  CHECK(locum_experiments_garbage(files, NULL, -1, true, &view) == LOCUM_INVALID_ARGUMENT);
  CHECK(locum_experiments_rebuild(files, NULL, 0, NULL) == LOCUM_UNSUPPORTED); /* of memory: */
}

static void records(void) {
  locum_names url;
  locum_view view;
  const int64_t number = 7;
  CHECK_OK(locum_record_io_write(files, NULL, "shared", &(locum_array){.type = LOCUM_I64, .data = (void*)&number},
                                 &url));
  CHECK_OK(locum_record_io_read(files, NULL, "shared", url.names[0].first, &view));
  CHECK(view.array.type == LOCUM_I64 && *(const int64_t*)view.array.data == 7);
  CHECK_OK(locum_view_release(&view));
  bool existed = false;
  CHECK_OK(locum_record_io_remove(files, NULL, "shared", url.names[0].first, &existed));
  CHECK(existed);
  CHECK_OK(locum_names_release(&url));
  CHECK_OK(locum_record_io_write_bytes(files, NULL, "shared", "abc", 3, &url));
  CHECK_OK(locum_record_io_read(files, NULL, "shared", url.names[0].first, &view));
  CHECK(view.array.type == LOCUM_U8 && view.array.extents[0] == 3 && memcmp(view.array.data, "abc", 3) == 0);
  CHECK_OK(locum_view_release(&view));
  CHECK_OK(locum_names_release(&url));
  CHECK(locum_record_io_write_bytes(files, NULL, "e17", "abc", 3, &url) == LOCUM_KEY_EXISTS);
  locum_experiment experiment;
  CHECK(locum_experiment_open(files, "shared", NULL, &experiment) == LOCUM_KEY_EXISTS);
  bool removed = false;
  CHECK_OK(locum_experiments_remove(files, NULL, "e17", &removed));
  CHECK(removed);
}

/* Values within fields, by the names on the way to them. */
static void members(void) {
  locum_experiment run, again;
  locum_view view;
  const double dt = 0.25;
  int64_t steps = 40;
  double many[1000] = {0};
  many[999] = 7;
  const locum_array number = {.type = LOCUM_F64, .data = (void *)(uintptr_t)&dt};
  const locum_array count = {.type = LOCUM_I64, .data = &steps};
  const locum_array large = {.type = LOCUM_F64, .rank = 1, .extents = {1000}, .data = many};
  CHECK_OK(locum_experiment_open(files, "deep", NULL, &run));
  CHECK_OK(locum_experiment_set_member(run, "parameters/dt", &number));
  CHECK_OK(locum_experiment_set_member(run, "parameters/solver/steps", &count));
  CHECK_OK(locum_experiment_set_member(run, "result/T", &large));
  CHECK_OK(locum_experiment_set_member(run, "n", &count));
  steps = 41; /* the values were copied */
  CHECK_STATUS(locum_experiment_set_member(run, "n/of", &count), LOCUM_TYPE_MISMATCH);
  char deep[2000];
  memset(deep, '/', sizeof deep - 1);
  deep[sizeof deep - 1] = '\0';
  CHECK_STATUS(locum_experiment_set_member(run, deep, &count), LOCUM_INVALID_ARGUMENT);
  CHECK_OK(locum_experiment_persist(run));
  CHECK_OK(locum_experiment_open(files, "deep", NULL, &again));
  CHECK_OK(locum_experiment_get_member(again, "parameters/dt", &view));
  CHECK(view.array.type == LOCUM_F64 && view.array.rank == 0 && *(const double *)view.array.data == 0.25);
  CHECK_OK(locum_view_release(&view));
  CHECK_OK(locum_experiment_get_member(again, "parameters/solver/steps", &view));
  CHECK(view.array.type == LOCUM_I64 && *(const int64_t *)view.array.data == 40);
  CHECK_OK(locum_view_release(&view));
  CHECK_OK(locum_experiment_get_member(again, "n", &view));
  CHECK(*(const int64_t *)view.array.data == 40);
  CHECK_OK(locum_view_release(&view));
  CHECK_OK(locum_experiment_get_member(again, "result/T", &view));
  CHECK_OK(locum_experiment_close(&again)); /* the view stays */
  CHECK(view.array.rank == 1 && ((const double *)view.array.data)[999] == 7);
  CHECK_OK(locum_view_release(&view));
  CHECK_STATUS(locum_experiment_get_member(run, "parameters/dtt", &view), LOCUM_NOT_FOUND);
  CHECK(strstr(locum_error_message(), "dt") != NULL && strstr(locum_error_message(), "solver") != NULL);
  CHECK_STATUS(locum_experiment_get_member(run, "parameter/dt", &view), LOCUM_NOT_FOUND);
  CHECK(strstr(locum_error_message(), "there are n, parameters, result") != NULL);
  CHECK_STATUS(locum_experiment_get_member(run, "n/of", &view), LOCUM_TYPE_MISMATCH);
  CHECK_STATUS(locum_view_release(&view), LOCUM_INVALID_ARGUMENT); /* it holds nothing */
  CHECK_STATUS(locum_experiment_get_member(run, NULL, &view), LOCUM_INVALID_ARGUMENT);
  CHECK_STATUS(locum_experiment_set_member(run, "x", NULL), LOCUM_INVALID_ARGUMENT);
  CHECK_OK(locum_experiment_remove(run, NULL));
  CHECK_OK(locum_experiment_close(&run));
}

int main(void) {
  CHECK_OK(locum_files_of_experiments(NULL, "memory:", &files));
  fields();
  members();
  lists();
  records();
  CHECK_OK(locum_files_close(&files));
  return failures == 0 ? 0 : 1;
}
