!> Stand-ins for objects, and promises of objects.
submodule (locum) stand_ins
  use, intrinsic :: iso_c_binding, only: c_char, c_int, c_size_t
  use locum_calls, only: point_to_text
  implicit none

  interface
    function fortran_proxy_of(store, name, length, key, deadline, proxy) bind(C, name="locum_fortran_proxy_of") result(status)
      import
      type(c_ptr), value :: store
      character(kind=c_char), intent(in), optional :: name(*)
      integer(c_size_t), value :: length
      type(locum_key), intent(in), optional :: key
      real(c_double), intent(in), optional :: deadline
      type(c_ptr), intent(inout) :: proxy
      integer(c_int) :: status
    end function
    function fortran_proxy_of_handle(handle, proxy) bind(C, name="locum_fortran_proxy_of_handle") result(status)
      import
      type(locum_handle), intent(in) :: handle
      type(c_ptr), intent(inout) :: proxy
      integer(c_int) :: status
    end function
    function fortran_proxy_handle_of(proxy, handle) bind(C, name="locum_fortran_proxy_handle_of") result(status)
      import
      type(c_ptr), value :: proxy
      type(locum_handle), intent(out) :: handle
      integer(c_int) :: status
    end function
    function fortran_proxy_get_text(proxy, deadline, text, text_length, view) bind(C, name="locum_fortran_proxy_get_text") &
      result(status)
      import
      type(c_ptr), value :: proxy
      real(c_double), intent(in), optional :: deadline
      type(c_ptr), intent(out) :: text
      integer(c_size_t), intent(out) :: text_length
      type(fortran_view), intent(inout) :: view
      integer(c_int) :: status
    end function
    function fortran_proxy_prefetch(proxy) bind(C, name="locum_fortran_proxy_prefetch") result(status)
      import
      type(c_ptr), value :: proxy
      integer(c_int) :: status
    end function
    function fortran_proxy_ready(proxy, ready) bind(C, name="locum_fortran_proxy_ready") result(status)
      import
      type(c_ptr), value :: proxy
      logical(c_bool), intent(out) :: ready
      integer(c_int) :: status
    end function
    function fortran_proxy_release(proxy) bind(C, name="locum_fortran_proxy_release") result(status)
      import
      type(c_ptr), intent(inout) :: proxy
      integer(c_int) :: status
    end function
    function fortran_promise_make(store, name, length, deadline, promise) bind(C, name="locum_fortran_promise_make") result(status)
      import
      type(c_ptr), value :: store
      character(kind=c_char), intent(in), optional :: name(*)
      integer(c_size_t), value :: length
      real(c_double), intent(in), optional :: deadline
      type(c_ptr), intent(inout) :: promise
      integer(c_int) :: status
    end function
    function fortran_promise_proxy(promise, proxy) bind(C, name="locum_fortran_promise_proxy") result(status)
      import
      type(c_ptr), value :: promise
      type(c_ptr), intent(inout) :: proxy
      integer(c_int) :: status
    end function
    function fortran_promise_release(promise) bind(C, name="locum_fortran_promise_release") result(status)
      import
      type(c_ptr), intent(inout) :: promise
      integer(c_int) :: status
    end function
  end interface

contains

  module procedure store_proxy
    call finish(fortran_proxy_of(self%handle, name, len_trim(name, c_size_t), deadline=deadline, proxy=proxy%proxy), stat, errmsg)
  end procedure

  module procedure store_proxy_by_key
    call finish(fortran_proxy_of(self%handle, length=0_c_size_t, key=key, deadline=deadline, proxy=proxy%proxy), stat, errmsg)
  end procedure

  module procedure proxy_open
    call finish(fortran_proxy_of_handle(handle, self%proxy), stat, errmsg)
  end procedure

  module procedure proxy_handle
    call finish(fortran_proxy_handle_of(self%proxy, handle), stat, errmsg)
  end procedure

  module procedure proxy_get_text
    type(c_ptr) :: first
    integer(c_size_t) :: length
    call finish(fortran_proxy_get_text(self%proxy, deadline, first, length, view%object), stat, errmsg)
    call point_to_text(first, length, text)
  end procedure

  module procedure proxy_prefetch
    call finish(fortran_proxy_prefetch(self%proxy), stat, errmsg)
  end procedure

  module procedure proxy_ready
    logical(c_bool) :: found
    call finish(fortran_proxy_ready(self%proxy, found), stat, errmsg)
    ready = found
  end procedure

  module procedure proxy_release
    call finish(fortran_proxy_release(self%proxy), stat, errmsg)
  end procedure

  module procedure store_promise
    call finish(fortran_promise_make(self%handle, name, len_trim(name, c_size_t), deadline, promise%handle), stat, errmsg)
  end procedure

  module procedure store_promise_unnamed
    call finish(fortran_promise_make(self%handle, length=0_c_size_t, deadline=deadline, promise=promise%handle), stat, errmsg)
  end procedure

  module procedure promise_proxy
    call finish(fortran_promise_proxy(self%handle, proxy%proxy), stat, errmsg)
  end procedure

  module procedure promise_release
    call finish(fortran_promise_release(self%handle), stat, errmsg)
  end procedure

end submodule
