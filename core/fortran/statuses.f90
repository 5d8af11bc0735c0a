!> Outcomes of calls.
submodule (locum) statuses
  use, intrinsic :: iso_c_binding, only: c_size_t
  use locum_calls, only: fortran_error, fortran_status_name, fortran_version
  implicit none

contains

  module procedure finish
    if (present(stat)) stat = status
    if (status == locum_ok) return
    if (present(errmsg)) call fortran_error(errmsg, len(errmsg, c_size_t))
    if (.not. present(stat)) error stop locum_error_message()
  end procedure

  module procedure locum_error_message
    call fortran_error(text, len(text, c_size_t))
  end procedure

  module procedure locum_status_name
    call fortran_status_name(status, text, len(text, c_size_t))
  end procedure

  module procedure locum_version
    call fortran_version(text, len(text, c_size_t))
  end procedure

end submodule
