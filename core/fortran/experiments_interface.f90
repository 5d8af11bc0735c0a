    module subroutine experiment_open(self, id, url, commit, outside_bytes, stat, errmsg)
      class(locum_experiment), intent(inout) :: self
      character(len=*), intent(in) :: id
      character(len=*), intent(in), optional :: url, commit
      integer(int64), intent(in), optional :: outside_bytes
      integer, intent(out), optional :: stat
      character(len=*), intent(inout), optional :: errmsg
    end subroutine
    module subroutine experiment_open_in(self, files, id, backend, commit, outside_bytes, stat, errmsg)
      class(locum_experiment), intent(inout) :: self
      type(locum_files), intent(in) :: files
      character(len=*), intent(in) :: id
      character(len=*), intent(in), optional :: backend, commit
      integer(int64), intent(in), optional :: outside_bytes
      integer, intent(out), optional :: stat
      character(len=*), intent(inout), optional :: errmsg
    end subroutine
    module subroutine experiment_close(self, stat, errmsg)
      class(locum_experiment), intent(inout) :: self
      integer, intent(out), optional :: stat
      character(len=*), intent(inout), optional :: errmsg
    end subroutine
    module subroutine experiment_get_text(self, path, text, view, stat, errmsg)
      class(locum_experiment), intent(in) :: self
      character(len=*), intent(in) :: path
      character(len=:), pointer, intent(out) :: text
      type(locum_view), intent(inout) :: view
      integer, intent(out), optional :: stat
      character(len=*), intent(inout), optional :: errmsg
    end subroutine
    module subroutine experiment_erase(self, field, existed, stat, errmsg)
      class(locum_experiment), intent(in) :: self
      character(len=*), intent(in) :: field
      logical, intent(out), optional :: existed
      integer, intent(out), optional :: stat
      character(len=*), intent(inout), optional :: errmsg
    end subroutine
    module subroutine experiment_names(self, names, path, stat, errmsg)
      class(locum_experiment), intent(in) :: self
      character(len=:), allocatable, intent(out) :: names(:)
      character(len=*), intent(in), optional :: path
      integer, intent(out), optional :: stat
      character(len=*), intent(inout), optional :: errmsg
    end subroutine
    module subroutine experiment_set_status(self, status, reason, stat, errmsg)
      class(locum_experiment), intent(in) :: self
      character(len=*), intent(in) :: status
      character(len=*), intent(in), optional :: reason
      integer, intent(out), optional :: stat
      character(len=*), intent(inout), optional :: errmsg
    end subroutine
    module subroutine experiment_persist(self, stat, errmsg)
      class(locum_experiment), intent(in) :: self
      integer, intent(out), optional :: stat
      character(len=*), intent(inout), optional :: errmsg
    end subroutine
    module subroutine experiment_reload(self, stat, errmsg)
      class(locum_experiment), intent(in) :: self
      integer, intent(out), optional :: stat
      character(len=*), intent(inout), optional :: errmsg
    end subroutine
    module subroutine experiment_copy(self, id, copy, stat, errmsg)
      class(locum_experiment), intent(in) :: self
      character(len=*), intent(in) :: id
      type(locum_experiment), intent(inout) :: copy
      integer, intent(out), optional :: stat
      character(len=*), intent(inout), optional :: errmsg
    end subroutine
    module subroutine experiment_remove(self, existed, stat, errmsg)
      class(locum_experiment), intent(in) :: self
      logical, intent(out), optional :: existed
      integer, intent(out), optional :: stat
      character(len=*), intent(inout), optional :: errmsg
    end subroutine
