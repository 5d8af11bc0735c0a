/* locum in C: the same stores as in C++, Fortran and Python. C11; needs no mpi.h (see locum_mpi.h).
 *
 * Every function returns a locum_status; locum_error_message() then has the text of the calling thread's last
 * error. No function throws, aborts or keeps a pointer of the caller beyond its documented use. Any thread may
 * call any function; what belongs to one thread at a time says so.
 *
 * Handles (locum_store, locum_writer …) are numbers, not addresses: a handle that was released, is NULL or is
 * of another kind is LOCUM_INVALID_ARGUMENT. Options may be NULL, and their members 0, for the defaults; what is
 * `reserved` is 0, and is an option of a later version otherwise (LOCUM_UNSUPPORTED):
 *
 *     locum_view view;
 *     if (locum_get(fields, "T", &(locum_get_options){.deadline_s = 2}, &view) != LOCUM_OK)
 *       return fail(locum_error_message());
 *     use(view.array.data, view.array.extents, view.array.rank);
 *     locum_view_release(&view);
 */
#ifndef LOCUM_LOCUM_H
#define LOCUM_LOCUM_H

#include <locum/locum_experiments.h>
#include <locum/locum_extensions.h>
#include <locum/locum_files.h>
#include <locum/locum_shards.h>
#include <locum/locum_stand_ins.h>
#include <locum/locum_steps.h>
#include <locum/locum_stores.h>
#include <locum/locum_tasks.h>
#include <locum/locum_types.h>
#include <locum/locum_zarr.h>

#endif
