!> Calls that are carried out while the program computes.
submodule (locum) futures
  use, intrinsic :: iso_c_binding, only: c_char, c_funloc, c_funptr, c_int, c_size_t
  use locum_calls, only: point_to_text
  implicit none

  interface
    function fortran_get_async(store, waits, name, length, deadline, future) bind(C, name="locum_fortran_get_async") result(status)
      import
      type(c_ptr), value :: store
      logical(c_bool), value :: waits
      character(kind=c_char), intent(in) :: name(*)
      integer(c_size_t), value :: length
      real(c_double), intent(in), optional :: deadline
      type(c_ptr), intent(inout) :: future
      integer(c_int) :: status
    end function
    function fortran_future_ready(future, ready) bind(C, name="locum_fortran_future_ready") result(status)
      import
      type(c_ptr), value :: future
      logical(c_bool), intent(out) :: ready
      integer(c_int) :: status
    end function
    function fortran_future_wait(future, deadline) bind(C, name="locum_fortran_future_wait") result(status)
      import
      type(c_ptr), value :: future
      real(c_double), intent(in), optional :: deadline
      integer(c_int) :: status
    end function
    function fortran_future_get_text(future, deadline, text, text_length, view) bind(C, name="locum_fortran_future_get_text") &
      result(status)
      import
      type(c_ptr), value :: future
      real(c_double), intent(in), optional :: deadline
      type(c_ptr), intent(out) :: text
      integer(c_size_t), intent(out) :: text_length
      type(fortran_view), intent(inout) :: view
      integer(c_int) :: status
    end function
    function fortran_future_key(future, deadline, key) bind(C, name="locum_fortran_future_key") result(status)
      import
      type(c_ptr), value :: future
      real(c_double), intent(in), optional :: deadline
      type(locum_key), intent(out) :: key
      integer(c_int) :: status
    end function
    function fortran_future_then(future, notify, context) bind(C, name="locum_fortran_future_then") result(status)
      import
      type(c_ptr), value :: future
      type(c_funptr), value :: notify
      type(c_ptr), value :: context
      integer(c_int) :: status
    end function
    function fortran_future_cancel(future) bind(C, name="locum_fortran_future_cancel") result(status)
      import
      type(c_ptr), value :: future
      integer(c_int) :: status
    end function
    function fortran_future_release(future) bind(C, name="locum_fortran_future_release") result(status)
      import
      type(c_ptr), intent(inout) :: future
      integer(c_int) :: status
    end function
  end interface

contains

  module procedure store_get_async
    call finish(fortran_get_async(self%handle, .false._c_bool, name, len_trim(name, c_size_t), deadline, future%handle), stat, &
      errmsg)
  end procedure

  module procedure store_wait_async
    call finish(fortran_get_async(self%handle, .true._c_bool, name, len_trim(name, c_size_t), deadline, future%handle), stat, &
      errmsg)
  end procedure

  module procedure future_ready
    logical(c_bool) :: found
    call finish(fortran_future_ready(self%handle, found), stat, errmsg)
    ready = found
  end procedure

  module procedure future_wait
    call finish(fortran_future_wait(self%handle, deadline), stat, errmsg)
  end procedure

  module procedure future_get_text
    type(c_ptr) :: first
    integer(c_size_t) :: length
    call finish(fortran_future_get_text(self%handle, deadline, first, length, view%object), stat, errmsg)
    call point_to_text(first, length, text)
  end procedure

  module procedure future_key
    call finish(fortran_future_key(self%handle, deadline, key), stat, errmsg)
  end procedure

  ! With its arguments: gfortran 14 loses the interface of a procedure among them otherwise.
  module subroutine future_then(self, notify, context, stat, errmsg)
    class(locum_future), intent(in) :: self
    procedure(locum_notification) :: notify
    type(c_ptr), intent(in), optional :: context
    integer, intent(out), optional :: stat
    character(len=*), intent(inout), optional :: errmsg
    type(c_ptr) :: given
    given = c_null_ptr
    if (present(context)) given = context
    call finish(fortran_future_then(self%handle, c_funloc(notify), given), stat, errmsg)
  end subroutine

  module procedure future_cancel
    call finish(fortran_future_cancel(self%handle), stat, errmsg)
  end procedure

  module procedure future_release
    call finish(fortran_future_release(self%handle), stat, errmsg)
  end procedure

end submodule
