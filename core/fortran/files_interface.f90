    module subroutine session_files(self, url, files, stat, errmsg)
      class(locum_session), intent(in) :: self
      character(len=*), intent(in) :: url
      type(locum_files), intent(inout) :: files
      integer, intent(out), optional :: stat
      character(len=*), intent(inout), optional :: errmsg
    end subroutine
    module subroutine files_open(self, url, stat, errmsg)
      class(locum_files), intent(inout) :: self
      character(len=*), intent(in) :: url
      integer, intent(out), optional :: stat
      character(len=*), intent(inout), optional :: errmsg
    end subroutine
    module subroutine files_add(self, name, url, stat, errmsg)
      class(locum_files), intent(in) :: self
      character(len=*), intent(in) :: name, url
      integer, intent(out), optional :: stat
      character(len=*), intent(inout), optional :: errmsg
    end subroutine
    module subroutine files_close(self, stat, errmsg)
      class(locum_files), intent(inout) :: self
      integer, intent(out), optional :: stat
      character(len=*), intent(inout), optional :: errmsg
    end subroutine
    module subroutine files_load_text(self, path, text, view, format, options, backend, deadline, member, stat, errmsg)
      class(locum_files), intent(in) :: self
      character(len=*), intent(in) :: path
      character(len=:), pointer, intent(out) :: text
      type(locum_view), intent(inout) :: view
      character(len=*), intent(in), optional :: format, options, backend
      real(real64), intent(in), optional :: deadline
      character(len=*), intent(in), optional :: member
      integer, intent(out), optional :: stat
      character(len=*), intent(inout), optional :: errmsg
    end subroutine
    module subroutine files_load_async(self, path, future, format, options, backend, deadline, member, stat, errmsg)
      class(locum_files), intent(in) :: self
      character(len=*), intent(in) :: path
      type(locum_future), intent(inout) :: future
      character(len=*), intent(in), optional :: format, options, backend
      real(real64), intent(in), optional :: deadline
      character(len=*), intent(in), optional :: member
      integer, intent(out), optional :: stat
      character(len=*), intent(inout), optional :: errmsg
    end subroutine
    module subroutine files_proxy(self, path, proxy, format, options, backend, stat, errmsg)
      class(locum_files), intent(in) :: self
      character(len=*), intent(in) :: path
      type(locum_proxy), intent(inout) :: proxy
      character(len=*), intent(in), optional :: format, options, backend
      integer, intent(out), optional :: stat
      character(len=*), intent(inout), optional :: errmsg
    end subroutine
    module subroutine files_info(self, path, info, format, options, backend, stat, errmsg)
      class(locum_files), intent(in) :: self
      character(len=*), intent(in) :: path
      type(locum_file_info), intent(out) :: info
      character(len=*), intent(in), optional :: format, options, backend
      integer, intent(out), optional :: stat
      character(len=*), intent(inout), optional :: errmsg
    end subroutine
    module subroutine files_members(self, path, names, member, format, options, backend, deadline, stat, errmsg)
      class(locum_files), intent(in) :: self
      character(len=*), intent(in) :: path
      character(len=:), allocatable, intent(out) :: names(:)
      character(len=*), intent(in), optional :: member, format, options, backend
      real(real64), intent(in), optional :: deadline
      integer, intent(out), optional :: stat
      character(len=*), intent(inout), optional :: errmsg
    end subroutine
    module function files_exists(self, path, backend, stat, errmsg) result(exists)
      class(locum_files), intent(in) :: self
      character(len=*), intent(in) :: path
      character(len=*), intent(in), optional :: backend
      integer, intent(out), optional :: stat
      character(len=*), intent(inout), optional :: errmsg
      logical :: exists
    end function
    module function files_is_file(self, path, backend, stat, errmsg) result(is)
      class(locum_files), intent(in) :: self
      character(len=*), intent(in) :: path
      character(len=*), intent(in), optional :: backend
      integer, intent(out), optional :: stat
      character(len=*), intent(inout), optional :: errmsg
      logical :: is
    end function
    module function files_is_dir(self, path, backend, stat, errmsg) result(is)
      class(locum_files), intent(in) :: self
      character(len=*), intent(in) :: path
      character(len=*), intent(in), optional :: backend
      integer, intent(out), optional :: stat
      character(len=*), intent(inout), optional :: errmsg
      logical :: is
    end function
    module subroutine files_list(self, paths, folder, pattern, recursive, backend, folders, stat, errmsg)
      class(locum_files), intent(in) :: self
      character(len=:), allocatable, intent(out) :: paths(:)
      character(len=*), intent(in), optional :: folder, pattern
      logical, intent(in), optional :: recursive
      character(len=*), intent(in), optional :: backend
      logical, intent(in), optional :: folders
      integer, intent(out), optional :: stat
      character(len=*), intent(inout), optional :: errmsg
    end subroutine
    module subroutine files_make_dirs(self, path, backend, stat, errmsg)
      class(locum_files), intent(in) :: self
      character(len=*), intent(in) :: path
      character(len=*), intent(in), optional :: backend
      integer, intent(out), optional :: stat
      character(len=*), intent(inout), optional :: errmsg
    end subroutine
    module subroutine files_remove(self, path, existed, backend, stat, errmsg)
      class(locum_files), intent(in) :: self
      character(len=*), intent(in) :: path
      logical, intent(out), optional :: existed
      character(len=*), intent(in), optional :: backend
      integer, intent(out), optional :: stat
      character(len=*), intent(inout), optional :: errmsg
    end subroutine
    module subroutine files_copy(self, from, to, backend, stat, errmsg)
      class(locum_files), intent(in) :: self
      character(len=*), intent(in) :: from, to
      character(len=*), intent(in), optional :: backend
      integer, intent(out), optional :: stat
      character(len=*), intent(inout), optional :: errmsg
    end subroutine
