!> Updates; those of other types than text are in pointers.f90.in.
submodule (locum) updates
  use, intrinsic :: iso_c_binding, only: c_char, c_int, c_loc, c_size_t
  use locum_calls, only: point_to_text
  implicit none

  interface
    function fortran_update_text(store, name, length, deadline, text, text_length, update, again, key) &
      bind(C, name="locum_fortran_update_text") result(status)
      import
      type(c_ptr), value :: store
      character(kind=c_char), intent(in) :: name(*)
      integer(c_size_t), value :: length
      real(c_double), intent(in), optional :: deadline
      type(c_ptr), intent(inout) :: text
      integer(c_size_t), intent(inout) :: text_length
      type(fortran_update), intent(inout) :: update
      logical(c_bool), intent(out) :: again
      type(locum_key), intent(inout), optional :: key
      integer(c_int) :: status
    end function
    function fortran_updates(update) bind(C, name="locum_fortran_updates") result(held)
      import
      type(fortran_update), intent(in) :: update
      logical(c_bool) :: held
    end function
    function fortran_update_release(update) bind(C, name="locum_fortran_update_release") result(status)
      import
      type(fortran_update), intent(inout) :: update
      integer(c_int) :: status
    end function
  end interface

contains

  module procedure update_text
    type(c_ptr) :: first
    integer(c_size_t) :: length
    logical(c_bool) :: is_again
    integer(c_int) :: status
    first = c_null_ptr
    length = 0
    if (fortran_updates(update%object)) then  ! else the pointer may be undefined
      if (associated(text)) then
        first = c_loc(text)
        length = len(text, c_size_t)
      end if
    end if
    status = fortran_update_text(self%handle, name, len_trim(name, c_size_t), deadline, first, length, update%object, is_again, key)
    call point_to_text(first, length, text)
    call finish(status, stat, errmsg)
    again = is_again
  end procedure

  module procedure update_release
    call finish(fortran_update_release(self%object), stat, errmsg)
  end procedure

  module procedure update_assign
    error stop "a locum_update cannot be copied; pass it as an argument"
  end procedure

  module procedure update_finalise
    integer :: ignored
    if (fortran_updates(self%object)) ignored = fortran_update_release(self%object)
  end procedure

end submodule
