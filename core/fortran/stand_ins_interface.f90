    module elemental function handle_equals(one, other) result(equal)
      type(locum_handle), intent(in) :: one, other
      logical :: equal
    end function
    module elemental function handle_differs(one, other) result(differ)
      type(locum_handle), intent(in) :: one, other
      logical :: differ
    end function
    module subroutine store_proxy(self, name, proxy, deadline, stat, errmsg)
      class(locum_store), intent(in) :: self
      character(len=*), intent(in) :: name
      type(locum_proxy), intent(inout) :: proxy
      real(real64), intent(in), optional :: deadline
      integer, intent(out), optional :: stat
      character(len=*), intent(inout), optional :: errmsg
    end subroutine
    module subroutine store_proxy_by_key(self, key, proxy, deadline, stat, errmsg)
      class(locum_store), intent(in) :: self
      type(locum_key), intent(in) :: key
      type(locum_proxy), intent(inout) :: proxy
      real(real64), intent(in), optional :: deadline
      integer, intent(out), optional :: stat
      character(len=*), intent(inout), optional :: errmsg
    end subroutine
    module subroutine store_promise(self, name, promise, deadline, stat, errmsg)
      class(locum_store), intent(in) :: self
      character(len=*), intent(in) :: name
      type(locum_promise), intent(inout) :: promise
      real(real64), intent(in), optional :: deadline
      integer, intent(out), optional :: stat
      character(len=*), intent(inout), optional :: errmsg
    end subroutine
    module subroutine store_promise_unnamed(self, promise, deadline, stat, errmsg)
      class(locum_store), intent(in) :: self
      type(locum_promise), intent(inout) :: promise
      real(real64), intent(in), optional :: deadline
      integer, intent(out), optional :: stat
      character(len=*), intent(inout), optional :: errmsg
    end subroutine
    module subroutine proxy_open(self, handle, stat, errmsg)
      class(locum_proxy), intent(inout) :: self
      type(locum_handle), intent(in) :: handle
      integer, intent(out), optional :: stat
      character(len=*), intent(inout), optional :: errmsg
    end subroutine
    module function proxy_handle(self, stat, errmsg) result(handle)
      class(locum_proxy), intent(in) :: self
      integer, intent(out), optional :: stat
      character(len=*), intent(inout), optional :: errmsg
      type(locum_handle) :: handle
    end function
    module subroutine proxy_get_text(self, text, view, deadline, stat, errmsg)
      class(locum_proxy), intent(in) :: self
      character(len=:), pointer, intent(out) :: text
      type(locum_view), intent(inout) :: view
      real(real64), intent(in), optional :: deadline
      integer, intent(out), optional :: stat
      character(len=*), intent(inout), optional :: errmsg
    end subroutine
    module subroutine proxy_prefetch(self, stat, errmsg)
      class(locum_proxy), intent(in) :: self
      integer, intent(out), optional :: stat
      character(len=*), intent(inout), optional :: errmsg
    end subroutine
    module function proxy_ready(self, stat, errmsg) result(ready)
      class(locum_proxy), intent(in) :: self
      integer, intent(out), optional :: stat
      character(len=*), intent(inout), optional :: errmsg
      logical :: ready
    end function
    module subroutine proxy_release(self, stat, errmsg)
      class(locum_proxy), intent(inout) :: self
      integer, intent(out), optional :: stat
      character(len=*), intent(inout), optional :: errmsg
    end subroutine
    module subroutine promise_proxy(self, proxy, stat, errmsg)
      class(locum_promise), intent(in) :: self
      type(locum_proxy), intent(inout) :: proxy
      integer, intent(out), optional :: stat
      character(len=*), intent(inout), optional :: errmsg
    end subroutine
    module subroutine promise_release(self, stat, errmsg)
      class(locum_promise), intent(inout) :: self
      integer, intent(out), optional :: stat
      character(len=*), intent(inout), optional :: errmsg
    end subroutine
