/* Simulates a wave that meets a wall with two gaps, and publishes its heights every few time steps. Who reads
 * them is none of its business: see analysis.py, the other program of the job. */
#include <locum/locum_mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "basin.h"

static void check(locum_status status) {
  if (status == LOCUM_OK)
    return;
  fprintf(stderr, "wave_simulation: %s\n", locum_error_message());
  MPI_Abort(MPI_COMM_WORLD, 1);
}

typedef struct options {
  int cells;
  int steps;
  int every;
} options;

/* Ends the job: one rank says why, and the others wait for their end. Collective. */
static void refuse(MPI_Comm comm, const char* text, const char* of, const char* value) {
  int rank;
  MPI_Comm_rank(comm, &rank);
  if (rank == 0) {
    fprintf(stderr, "wave_simulation: '%s %s' %s\n", of, value, text);
    MPI_Abort(MPI_COMM_WORLD, 2);
  }
  MPI_Barrier(comm);
}

/* Reads the command line. Collective; ends the job if it is wrong. */
static options read_options(MPI_Comm comm, int argc, char** argv) {
  options given = {.cells = 600, .steps = 960, .every = 40};
  for (int at = 1; at < argc; at += 2) {
    const char* value = at + 1 < argc ? argv[at + 1] : "";
    char* end;
    const long number = strtol(value, &end, 10);
    int* const option = strcmp(argv[at], "--cells") == 0   ? &given.cells
                        : strcmp(argv[at], "--steps") == 0 ? &given.steps
                        : strcmp(argv[at], "--every") == 0 ? &given.every
                                                           : NULL;
    if (!option || *end != '\0' || number < 1 || number > 1000000) {
      refuse(comm, "is not one of --cells N, --steps N, --every N, with a number from 1 to 1000000", argv[at],
             value);
    }
    *option = (int)number;
  }
  return given;
}

int main(int argc, char** argv) {
  int level;
  MPI_Init_thread(&argc, &argv, MPI_THREAD_MULTIPLE, &level); /* for several nodes without UCX */
  MPI_Comm side; /* the ranks of this program: those of the analysis have another color */
  MPI_Comm_split(MPI_COMM_WORLD, 0, 0, &side);
  const options given = read_options(side, argc, argv);
  const int cells = given.cells;
  basin water;
  if (!basin_make(&water, side, cells)) {
    fprintf(stderr, "wave_simulation: %d cells are too few for these ranks, or too many for the memory\n",
            cells);
    MPI_Abort(MPI_COMM_WORLD, 2);
  }

  locum_runtime runtime;
  locum_ranks writers;
  locum_step_writer out;
  check(locum_runtime_open(MPI_COMM_WORLD, &(locum_runtime_options){.memory_bytes = 256 << 20}, &runtime));
  check(locum_runtime_ranks(runtime, side, &writers));
  check(locum_step_writer_open(writers, "wave", NULL, &out));
  const locum_block mine = {.rank = 2, .shape = {cells, cells}, .start = {water.first_row, 0}};
  double energy = 0;
  for (int n = 1; n <= given.steps; ++n) {
    basin_advance(&water);
    if (n % given.every != 0)
      continue;
    energy = basin_energy(&water);
    const double account[] = {water.time, energy};
    const locum_array now = {
        .type = LOCUM_F64, .rank = 2, .extents = {water.rows, cells}, .data = water.now + cells};
    const locum_array before = {
        .type = LOCUM_F64, .rank = 2, .extents = {water.rows, cells}, .data = water.before + cells};
    locum_output_step step;
    check(locum_step_begin(out, 0, &step)); /* waits for room */
    check(locum_step_put(step, "now", &now, &mine, 0));
    check(locum_step_put(step, "before", &before, &mine, 0));
    const locum_array numbers = {.type = LOCUM_F64, .rank = 1, .extents = {2}, .data = (void*)account};
    if (water.rank == 0)
      check(locum_step_put(step, "account", &numbers, NULL, 0));
    check(locum_step_end(&step, 0)); /* visible once all ranks have ended it */
  }
  check(locum_step_writer_close(&out, 0)); /* waits until all steps have been read */
  check(locum_ranks_release(&writers));
  check(locum_runtime_close(&runtime, 0));

  energy = basin_energy(&water);
  if (water.rank == 0)
    printf("simulation: after %d time steps the wave has the energy %.9f\n", given.steps, energy);
  basin_remove(&water);
  MPI_Comm_free(&side);
  MPI_Finalize();
  return 0;
}
