!> Calls that write, and do not depend on a type.
submodule (locum) writing
  use, intrinsic :: iso_c_binding, only: c_size_t
  use locum_calls, only: fortran_discard, fortran_fetch_add, fortran_seal, fortran_writer_replace, fortran_writes
  implicit none

contains

  module procedure store_fetch_add
    call finish(fortran_fetch_add(self%handle, name, len_trim(name, c_size_t), difference, deadline, previous), stat, errmsg)
  end procedure

  module procedure writer_seal
    call finish(fortran_seal(self%object, deadline, key), stat, errmsg)
  end procedure

  module procedure writer_replace
    call finish(fortran_writer_replace(self%object, generation, deadline, key), stat, errmsg)
  end procedure

  module procedure writer_discard
    call finish(fortran_discard(self%object), stat, errmsg)
  end procedure

  module procedure writer_assign
    error stop "a locum_writer cannot be copied; pass it as an argument"
  end procedure

  module procedure writer_finalise
    integer :: ignored
    if (fortran_writes(self%object)) ignored = fortran_discard(self%object)
  end procedure

end submodule
