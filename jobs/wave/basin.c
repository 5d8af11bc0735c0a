#include "basin.h"

#include <math.h>
#include <stdlib.h>

/* (c dt / h)^2, where the speed of waves c is 1 and the basin has the sides 1. Below 1/2 the scheme is
 * stable. */
static const double courant_squared = 0.25;

static double* row_of(const basin* self, double* field, int row) {
  return field + (size_t)row * (size_t)self->cells;
}

int basin_is_water(int cells, int row, int column) {
  const double x = (column + 0.5) / cells, y = fabs((row + 0.5) / cells - 0.5);
  const int is_gap = y > 0.07 && y < 0.11;
  return is_gap || x < 0.35 || x > 0.362;
}

/* A packet of plane waves that runs to the right. */
static double packet(double x) {
  const double pi = acos(-1), from_middle = x - 0.18;
  return exp(-pow(from_middle / 0.06, 2)) * cos(2 * pi * from_middle / 0.04);
}

int basin_make(basin* self, MPI_Comm comm, int cells) {
  int ranks;
  MPI_Comm_rank(comm, &self->rank);
  MPI_Comm_size(comm, &ranks);
  self->comm = comm;
  self->cells = cells;
  self->first_row = (int)((long long)cells * self->rank / ranks);
  self->rows = (int)((long long)cells * (self->rank + 1) / ranks) - self->first_row;
  self->below = self->rank > 0 ? self->rank - 1 : MPI_PROC_NULL;
  self->above = self->rank < ranks - 1 ? self->rank + 1 : MPI_PROC_NULL;
  self->time_step = sqrt(courant_squared) / cells;
  self->time = 0;

  const size_t columns = (size_t)cells, size = ((size_t)self->rows + 2) * columns;
  self->now = calloc(size, sizeof(double));
  self->before = calloc(size, sizeof(double));
  self->next = calloc(size, sizeof(double));
  self->is_water = malloc(((size_t)self->rows + 1) * columns);
  if (cells < ranks || !self->now || !self->before || !self->next || !self->is_water)
    return 0;
  for (int row = 0; row < self->rows; ++row)
    for (int column = 0; column < cells; ++column) {
      const double x = (column + 0.5) / cells;
      const int is_water = basin_is_water(cells, self->first_row + row, column);
      self->is_water[(size_t)row * columns + (size_t)column] = (unsigned char)is_water;
      row_of(self, self->now, row + 1)[column] = is_water ? packet(x) : 0;
      row_of(self, self->before, row + 1)[column] = is_water ? packet(x + self->time_step) : 0;
    }
  return 1;
}

void basin_remove(basin* self) {
  free(self->now);
  free(self->before);
  free(self->next);
  free(self->is_water);
}

/* Gets the rows of the neighbours. Beyond the basin the height is 0, as at the wall. */
static void exchange(basin* self) {
  const int n = self->cells, rows = self->rows;
  MPI_Sendrecv(row_of(self, self->now, 1), n, MPI_DOUBLE, self->below, 0, row_of(self, self->now, rows + 1),
               n, MPI_DOUBLE, self->above, 0, self->comm, MPI_STATUS_IGNORE);
  MPI_Sendrecv(row_of(self, self->now, rows), n, MPI_DOUBLE, self->above, 1, row_of(self, self->now, 0), n,
               MPI_DOUBLE, self->below, 1, self->comm, MPI_STATUS_IGNORE);
}

void basin_advance(basin* self) {
  const int n = self->cells;
  exchange(self);
  for (int row = 1; row <= self->rows; ++row) {
    const double *u = row_of(self, self->now, row), *under = row_of(self, self->now, row - 1),
                 *over = row_of(self, self->now, row + 1), *before = row_of(self, self->before, row);
    const unsigned char* is_water = self->is_water + (size_t)(row - 1) * (size_t)n;
    double* next = row_of(self, self->next, row);
    for (int column = 0; column < n; ++column) {
      const double left = column > 0 ? u[column - 1] : 0, right = column < n - 1 ? u[column + 1] : 0;
      const double force = left + right + under[column] + over[column] - 4 * u[column];
      next[column] = is_water[column] ? 2 * u[column] - before[column] + courant_squared * force : 0;
    }
  }
  double* const old = self->before;
  self->before = self->now;
  self->now = self->next;
  self->next = old;
  self->time += self->time_step;
}

double basin_energy(basin* self) {
  const int n = self->cells;
  double mine = 0, all = 0;
  exchange(self); /* those of the time before were got by the last step */
  const int is_last = self->above == MPI_PROC_NULL;
  for (int row = 1; row <= self->rows + is_last; ++row) {
    const double *u = row_of(self, self->now, row), *under = row_of(self, self->now, row - 1);
    const double *v = row_of(self, self->before, row), *v_under = row_of(self, self->before, row - 1);
    double kinetic = 0, potential = 0;
    for (int column = 0; column < n; ++column)
      potential += (u[column] - under[column]) * (v[column] - v_under[column]);
    for (int column = 0; column <= n && row <= self->rows; ++column) {
      const double right = column < n ? u[column] : 0, left = column > 0 ? u[column - 1] : 0;
      const double v_right = column < n ? v[column] : 0, v_left = column > 0 ? v[column - 1] : 0;
      potential += (right - left) * (v_right - v_left);
      kinetic += (right - v_right) * (right - v_right);
    }
    mine += kinetic / courant_squared + potential;
  }
  mine /= 2;
  MPI_Reduce(&mine, &all, 1, MPI_DOUBLE, MPI_SUM, 0, self->comm);
  return all;
}
