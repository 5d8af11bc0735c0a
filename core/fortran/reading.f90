!> Calls that read, and do not depend on a type; and text.
submodule (locum) reading
  use, intrinsic :: iso_c_binding, only: c_size_t
  use locum_calls, only: fortran_get_text, fortran_is_held, fortran_release, fortran_view_key, point_to_text
  implicit none

contains

  module procedure get_text
    type(c_ptr) :: first
    integer(c_size_t) :: length
    call finish(fortran_get_text(self%handle, .false._c_bool, name, len_trim(name, c_size_t), deadline=deadline, text=first, &
      text_length=length, view=view%object), stat, errmsg)
    call point_to_text(first, length, text)
  end procedure

  module procedure get_text_by_key
    type(c_ptr) :: first
    integer(c_size_t) :: length
    call finish(fortran_get_text(self%handle, .false._c_bool, length=0_c_size_t, key=key, deadline=deadline, text=first, &
      text_length=length, view=view%object), stat, errmsg)
    call point_to_text(first, length, text)
  end procedure

  module procedure wait_text
    type(c_ptr) :: first
    integer(c_size_t) :: length
    call finish(fortran_get_text(self%handle, .true._c_bool, name, len_trim(name, c_size_t), deadline=deadline, text=first, &
      text_length=length, view=view%object), stat, errmsg)
    call point_to_text(first, length, text)
  end procedure

  module procedure view_release
    call finish(fortran_release(self%object), stat, errmsg)
  end procedure

  module procedure view_is_held
    held = fortran_is_held(self%object)
  end procedure

  module procedure view_key
    call fortran_view_key(self%object, key)
  end procedure

  module procedure view_assign
    error stop "a locum_view cannot be copied; pass it as an argument, or get the object once more"
  end procedure

  module procedure view_finalise
    integer :: ignored
    if (fortran_is_held(self%object)) ignored = fortran_release(self%object)
  end procedure

end submodule
