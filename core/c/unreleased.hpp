#pragma once

namespace locum::c {

/// Names on stderr, once in the process, what it has made and not released: "2 stores and 1 view". Says
/// nothing where there is nothing, and after locum_handles_are_collected(). \param rank of the job; negative:
/// of none \param moment such as "at MPI_Finalize"
void name_unreleased(int rank, const char* moment) noexcept;
/// Makes the end of the process do so, unless MPI_Finalize has before.
void name_unreleased_at_exit() noexcept;

}  // namespace locum::c
