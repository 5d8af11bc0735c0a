    module subroutine queue_open(self, store, name, stat, errmsg)
      class(locum_task_queue), intent(inout) :: self
      type(locum_store), intent(in) :: store
      character(len=*), intent(in) :: name
      integer, intent(out), optional :: stat
      character(len=*), intent(inout), optional :: errmsg
    end subroutine
    module subroutine queue_take_text(self, task, text, view, deadline, stat, errmsg)
      class(locum_task_queue), intent(in) :: self
      type(locum_task), intent(inout) :: task
      character(len=:), pointer, intent(out) :: text
      type(locum_view), intent(inout) :: view
      real(real64), intent(in), optional :: deadline
      integer, intent(out), optional :: stat
      character(len=*), intent(inout), optional :: errmsg
    end subroutine
    module subroutine queue_close(self, stat, errmsg)
      class(locum_task_queue), intent(in) :: self
      integer, intent(out), optional :: stat
      character(len=*), intent(inout), optional :: errmsg
    end subroutine
    module subroutine queue_release(self, stat, errmsg)
      class(locum_task_queue), intent(inout) :: self
      integer, intent(out), optional :: stat
      character(len=*), intent(inout), optional :: errmsg
    end subroutine
    module subroutine task_done(self, deadline, stat, errmsg)
      class(locum_task), intent(inout) :: self
      real(real64), intent(in), optional :: deadline
      integer, intent(out), optional :: stat
      character(len=*), intent(inout), optional :: errmsg
    end subroutine
    module subroutine task_release(self, stat, errmsg)
      class(locum_task), intent(inout) :: self
      integer, intent(out), optional :: stat
      character(len=*), intent(inout), optional :: errmsg
    end subroutine
