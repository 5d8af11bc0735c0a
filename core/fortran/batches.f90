!> Calls for several objects, and the objects of views that one of them has filled.
submodule (locum) batches
  use, intrinsic :: iso_c_binding, only: c_int, c_size_t
  use locum_calls, only: point_to_text
  implicit none

  interface
    function fortran_get_batch(store, names, deadline, views, stats, each_has) bind(C, name="locum_fortran_get_batch") &
      result(status)
      import
      type(c_ptr), value :: store
      type(*), intent(in) :: names(..)
      real(c_double), intent(in), optional :: deadline
      type(fortran_view), intent(inout) :: views(:)
      integer(c_int), intent(inout), optional :: stats(:)
      logical(c_bool), intent(out) :: each_has
      integer(c_int) :: status
    end function
    function fortran_evict_batch(store, names, deadline, existed, stats, each_has) bind(C, name="locum_fortran_evict_batch") &
      result(status)
      import
      type(c_ptr), value :: store
      type(*), intent(in) :: names(..)
      real(c_double), intent(in), optional :: deadline
      logical(c_bool), intent(inout), optional :: existed(:)
      integer(c_int), intent(inout), optional :: stats(:)
      logical(c_bool), intent(out) :: each_has
      integer(c_int) :: status
    end function
    function fortran_view_text(view, text, text_length) bind(C, name="locum_fortran_view_text") result(status)
      import
      type(fortran_view), intent(in) :: view
      type(c_ptr), intent(out) :: text
      integer(c_size_t), intent(out) :: text_length
      integer(c_int) :: status
    end function
  end interface

contains

  module procedure finish_batch
    integer :: of_call
    if (present(stat)) then
      call finish(status, stat, errmsg)
    else if (each_has) then
      call finish(status, of_call, errmsg)
    else
      call finish(status, errmsg=errmsg)
    end if
  end procedure

  module procedure store_get_batch
    logical(c_bool) :: each_has
    integer(c_int) :: status
    status = fortran_get_batch(self%handle, names, deadline, views%object, stats, each_has)
    call finish_batch(status, each_has, stat, errmsg)
  end procedure

  module procedure store_evict_batch
    logical(c_bool) :: each_has
    logical(c_bool), allocatable :: found(:)
    integer(c_int) :: status
    if (present(existed)) then
      allocate (found(size(existed)))
      status = fortran_evict_batch(self%handle, names, deadline, found, stats, each_has)
      existed = found
    else
      status = fortran_evict_batch(self%handle, names, deadline, stats=stats, each_has=each_has)
    end if
    call finish_batch(status, each_has, stat, errmsg)
  end procedure

  module procedure view_get_text
    type(c_ptr) :: first
    integer(c_size_t) :: length
    call finish(fortran_view_text(self%object, first, length), stat, errmsg)
    call point_to_text(first, length, text)
  end procedure

end submodule
