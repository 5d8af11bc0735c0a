    module subroutine store_get_async(self, name, future, deadline, stat, errmsg)
      class(locum_store), intent(in) :: self
      character(len=*), intent(in) :: name
      type(locum_future), intent(inout) :: future
      real(real64), intent(in), optional :: deadline
      integer, intent(out), optional :: stat
      character(len=*), intent(inout), optional :: errmsg
    end subroutine
    module subroutine store_wait_async(self, name, future, deadline, stat, errmsg)
      class(locum_store), intent(in) :: self
      character(len=*), intent(in) :: name
      type(locum_future), intent(inout) :: future
      real(real64), intent(in), optional :: deadline
      integer, intent(out), optional :: stat
      character(len=*), intent(inout), optional :: errmsg
    end subroutine
    module function future_ready(self, stat, errmsg) result(ready)
      class(locum_future), intent(in) :: self
      integer, intent(out), optional :: stat
      character(len=*), intent(inout), optional :: errmsg
      logical :: ready
    end function
    module subroutine future_wait(self, deadline, stat, errmsg)
      class(locum_future), intent(in) :: self
      real(real64), intent(in), optional :: deadline
      integer, intent(out), optional :: stat
      character(len=*), intent(inout), optional :: errmsg
    end subroutine
    module subroutine future_get_text(self, text, view, deadline, stat, errmsg)
      class(locum_future), intent(in) :: self
      character(len=:), pointer, intent(out) :: text
      type(locum_view), intent(inout) :: view
      real(real64), intent(in), optional :: deadline
      integer, intent(out), optional :: stat
      character(len=*), intent(inout), optional :: errmsg
    end subroutine
    module function future_key(self, deadline, stat, errmsg) result(key)
      class(locum_future), intent(in) :: self
      real(real64), intent(in), optional :: deadline
      integer, intent(out), optional :: stat
      character(len=*), intent(inout), optional :: errmsg
      type(locum_key) :: key
    end function
    module subroutine future_then(self, notify, context, stat, errmsg)
      class(locum_future), intent(in) :: self
      procedure(locum_notification) :: notify
      type(c_ptr), intent(in), optional :: context
      integer, intent(out), optional :: stat
      character(len=*), intent(inout), optional :: errmsg
    end subroutine
    module subroutine future_cancel(self, stat, errmsg)
      class(locum_future), intent(in) :: self
      integer, intent(out), optional :: stat
      character(len=*), intent(inout), optional :: errmsg
    end subroutine
    module subroutine future_release(self, stat, errmsg)
      class(locum_future), intent(inout) :: self
      integer, intent(out), optional :: stat
      character(len=*), intent(inout), optional :: errmsg
    end subroutine
