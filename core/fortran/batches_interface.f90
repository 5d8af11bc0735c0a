    !> As finish; without `stat` the error of one object does not end the program, if `stats` has it.
    module subroutine finish_batch(status, each_has, stat, errmsg)
      integer, intent(in) :: status
      logical(c_bool), intent(in) :: each_has
      integer, intent(out), optional :: stat
      character(len=*), intent(inout), optional :: errmsg
    end subroutine
    module subroutine store_get_batch(self, names, views, stats, deadline, stat, errmsg)
      class(locum_store), intent(in) :: self
      character(len=*), intent(in) :: names(:)
      type(locum_view), intent(inout) :: views(:)
      integer, intent(inout), optional :: stats(:)
      real(real64), intent(in), optional :: deadline
      integer, intent(out), optional :: stat
      character(len=*), intent(inout), optional :: errmsg
    end subroutine
    module subroutine store_evict_batch(self, names, existed, stats, deadline, stat, errmsg)
      class(locum_store), intent(in) :: self
      character(len=*), intent(in) :: names(:)
      logical, intent(inout), optional :: existed(:)
      integer, intent(inout), optional :: stats(:)
      real(real64), intent(in), optional :: deadline
      integer, intent(out), optional :: stat
      character(len=*), intent(inout), optional :: errmsg
    end subroutine
    module subroutine view_get_text(self, text, stat, errmsg)
      class(locum_view), intent(in) :: self
      character(len=:), pointer, intent(out) :: text
      integer, intent(out), optional :: stat
      character(len=*), intent(inout), optional :: errmsg
    end subroutine
