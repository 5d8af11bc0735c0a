/* Handles that the program forgets: unreleased.sh reads what is said of them. `collected`: as for a language that
 * collects garbage. `none`: nothing is forgotten. */
#include <stdlib.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

int main(int argc, char **argv) {
  double value = 1;
  const locum_array array = {.type = LOCUM_F64, .data = &value};
  locum_store store, collection;
  locum_future futures[2];
  static locum_view view;
  CHECK_OK(locum_open("memory:", NULL, &store));
  CHECK_OK(locum_put(store, "x", &array, NULL, NULL));
  CHECK_OK(locum_store_collection(store, "c", &collection));
  CHECK_OK(locum_get(store, "x", NULL, &view));
  CHECK_OK(locum_get_async(store, "x", NULL, &futures[0]));
  CHECK_OK(locum_get_async(store, "x", NULL, &futures[1]));
  const pid_t child = fork(); /* to which nothing of this belongs */
  if (child == 0) {
    exit(failures);
  }
  int status = 1;
  CHECK(waitpid(child, &status, 0) == child && status == 0);
  if (argc > 1 && strcmp(argv[1], "collected") == 0) {
    locum_handles_are_collected();
  } else if (argc > 1) {
    CHECK_OK(locum_view_release(&view));
    CHECK_OK(locum_future_release(&futures[0]));
    CHECK_OK(locum_future_release(&futures[1]));
    CHECK_OK(locum_store_release(&collection));
    CHECK_OK(locum_store_release(&store));
  }
  return failures;
}
