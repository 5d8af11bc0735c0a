/* The solver as its author would write it: MPI and nothing else. A wave in a square basin meets a wall with
 * two gaps. The rows of the basin are divided among the ranks of a communicator.
 *
 * Leapfrog: it keeps a sum that goes to the energy of the wave as the cells become smaller, to round-off. */
#ifndef JOBS_WAVE_BASIN_H
#define JOBS_WAVE_BASIN_H

#include <mpi.h>

typedef struct basin {
  MPI_Comm comm;
  int cells; /* along each side of the basin */
  int rank;
  int first_row; /* of this rank */
  int rows;
  int below; /* the rank that has the rows before this one's */
  int above;
  double time;
  double time_step;
  double* now; /* heights: rows + 2 rows, of which the first and the last are the neighbours' */
  double* before;
  double* next;
  unsigned char* is_water; /* of the rows of this rank */
} basin;

/* Collective, as are advance and energy. Returns 0 if there are fewer rows than ranks, or too little memory.
 */
int basin_make(basin* self, MPI_Comm comm, int cells);
void basin_remove(basin* self);

/* One time step. */
void basin_advance(basin* self);

/* Returns the energy on rank 0. */
double basin_energy(basin* self);

/* Whether there is water in a cell; the wall is in these columns. */
int basin_is_water(int cells, int row, int column);

#endif
