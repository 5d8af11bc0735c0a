!> Values in files: calls that do not depend on a type; and text.
submodule (locum) files
  use, intrinsic :: iso_c_binding, only: c_char, c_int, c_size_t
  use locum_calls, only: fortran_names, fortran_names_take, optional_bool, optional_length, point_to_text, take_text
  implicit none

  !> What a file holds, in memory of the library, until it is released.
  type, bind(C) :: fortran_file_info
    integer(c_int64_t) :: size_bytes = 0
    integer(c_int64_t) :: shape(8) = 0
    integer(c_int32_t) :: rank = 0
    integer(c_int32_t) :: type = 0
    type(c_ptr) :: format = c_null_ptr
    integer(c_size_t) :: format_length = 0
    type(c_ptr) :: type_name = c_null_ptr
    integer(c_size_t) :: type_name_length = 0
  end type

  !> `kind` of fortran_files_kind.
  integer(c_int32_t), parameter :: no_file = 0, is_a_file = 1, is_a_folder = 2

  interface
    function fortran_files_open(url, length, files) bind(C, name="locum_fortran_files_open") result(status)
      import
      character(kind=c_char), intent(in) :: url(*)
      integer(c_size_t), value :: length
      type(c_ptr), intent(inout) :: files
      integer(c_int) :: status
    end function
    function fortran_session_files(session, url, length, files) bind(C, name="locum_fortran_session_files") result(status)
      import
      type(c_ptr), value :: session
      character(kind=c_char), intent(in) :: url(*)
      integer(c_size_t), value :: length
      type(c_ptr), intent(inout) :: files
      integer(c_int) :: status
    end function
    function fortran_files_add(files, name, length, url, url_length) bind(C, name="locum_fortran_files_add") result(status)
      import
      type(c_ptr), value :: files
      character(kind=c_char), intent(in) :: name(*)
      integer(c_size_t), value :: length
      character(kind=c_char), intent(in) :: url(*)
      integer(c_size_t), value :: url_length
      integer(c_int) :: status
    end function
    function fortran_files_close(files) bind(C, name="locum_fortran_files_close") result(status)
      import
      type(c_ptr), intent(inout) :: files
      integer(c_int) :: status
    end function
    function fortran_files_load_text(files, path, length, format, format_length, options, options_length, backend, &
      backend_length, deadline, member, member_length, text, text_length, view) &
      bind(C, name="locum_fortran_files_load_text") result(status)
      import
      type(c_ptr), value :: files
      character(kind=c_char), intent(in) :: path(*)
      integer(c_size_t), value :: length
      character(kind=c_char), intent(in), optional :: format(*)
      integer(c_size_t), value :: format_length
      character(kind=c_char), intent(in), optional :: options(*)
      integer(c_size_t), value :: options_length
      character(kind=c_char), intent(in), optional :: backend(*)
      integer(c_size_t), value :: backend_length
      real(c_double), intent(in), optional :: deadline
      character(kind=c_char), intent(in), optional :: member(*)
      integer(c_size_t), value :: member_length
      type(c_ptr), intent(out) :: text
      integer(c_size_t), intent(out) :: text_length
      type(fortran_view), intent(inout) :: view
      integer(c_int) :: status
    end function
    function fortran_files_load_async(files, path, length, format, format_length, options, options_length, backend, &
      backend_length, deadline, member, member_length, future) bind(C, name="locum_fortran_files_load_async") &
      result(status)
      import
      type(c_ptr), value :: files
      character(kind=c_char), intent(in) :: path(*)
      integer(c_size_t), value :: length
      character(kind=c_char), intent(in), optional :: format(*)
      integer(c_size_t), value :: format_length
      character(kind=c_char), intent(in), optional :: options(*)
      integer(c_size_t), value :: options_length
      character(kind=c_char), intent(in), optional :: backend(*)
      integer(c_size_t), value :: backend_length
      real(c_double), intent(in), optional :: deadline
      character(kind=c_char), intent(in), optional :: member(*)
      integer(c_size_t), value :: member_length
      type(c_ptr), intent(inout) :: future
      integer(c_int) :: status
    end function
    function fortran_files_proxy(files, path, length, format, format_length, options, options_length, backend, &
      backend_length, proxy) bind(C, name="locum_fortran_files_proxy") result(status)
      import
      type(c_ptr), value :: files
      character(kind=c_char), intent(in) :: path(*)
      integer(c_size_t), value :: length
      character(kind=c_char), intent(in), optional :: format(*)
      integer(c_size_t), value :: format_length
      character(kind=c_char), intent(in), optional :: options(*)
      integer(c_size_t), value :: options_length
      character(kind=c_char), intent(in), optional :: backend(*)
      integer(c_size_t), value :: backend_length
      type(c_ptr), intent(inout) :: proxy
      integer(c_int) :: status
    end function
    function fortran_files_info(files, path, length, format, format_length, options, options_length, backend, &
      backend_length, info) bind(C, name="locum_fortran_files_info") result(status)
      import
      type(c_ptr), value :: files
      character(kind=c_char), intent(in) :: path(*)
      integer(c_size_t), value :: length
      character(kind=c_char), intent(in), optional :: format(*)
      integer(c_size_t), value :: format_length
      character(kind=c_char), intent(in), optional :: options(*)
      integer(c_size_t), value :: options_length
      character(kind=c_char), intent(in), optional :: backend(*)
      integer(c_size_t), value :: backend_length
      type(fortran_file_info), intent(out) :: info
      integer(c_int) :: status
    end function
    subroutine fortran_file_info_release(info) bind(C, name="locum_fortran_file_info_release")
      import
      type(fortran_file_info), intent(inout) :: info
    end subroutine
    function fortran_files_members(files, path, length, format, format_length, options, options_length, backend, &
      backend_length, deadline, member, member_length, view, count, longest) bind(C, name="locum_fortran_files_members") &
      result(status)
      import
      type(c_ptr), value :: files
      character(kind=c_char), intent(in) :: path(*)
      integer(c_size_t), value :: length
      character(kind=c_char), intent(in), optional :: format(*)
      integer(c_size_t), value :: format_length
      character(kind=c_char), intent(in), optional :: options(*)
      integer(c_size_t), value :: options_length
      character(kind=c_char), intent(in), optional :: backend(*)
      integer(c_size_t), value :: backend_length
      real(c_double), intent(in), optional :: deadline
      character(kind=c_char), intent(in), optional :: member(*)
      integer(c_size_t), value :: member_length
      type(fortran_view), intent(inout) :: view
      integer(c_size_t), intent(out) :: count, longest
      integer(c_int) :: status
    end function
    !> Copies the names, each filled with blanks, and releases the view.
    function fortran_members_take(view, longest, into) bind(C, name="locum_fortran_members_take") result(status)
      import
      type(fortran_view), intent(inout) :: view
      integer(c_size_t), value :: longest
      character(kind=c_char), intent(out) :: into(*)
      integer(c_int) :: status
    end function
    function fortran_files_kind(files, path, length, backend, backend_length, kind) bind(C, name="locum_fortran_files_kind") &
      result(status)
      import
      type(c_ptr), value :: files
      character(kind=c_char), intent(in) :: path(*)
      integer(c_size_t), value :: length
      character(kind=c_char), intent(in), optional :: backend(*)
      integer(c_size_t), value :: backend_length
      integer(c_int32_t), intent(out) :: kind
      integer(c_int) :: status
    end function
    function fortran_files_make_dirs(files, path, length, backend, backend_length) &
      bind(C, name="locum_fortran_files_make_dirs") result(status)
      import
      type(c_ptr), value :: files
      character(kind=c_char), intent(in) :: path(*)
      integer(c_size_t), value :: length
      character(kind=c_char), intent(in), optional :: backend(*)
      integer(c_size_t), value :: backend_length
      integer(c_int) :: status
    end function
    function fortran_files_remove(files, path, length, backend, backend_length, existed) &
      bind(C, name="locum_fortran_files_remove") result(status)
      import
      type(c_ptr), value :: files
      character(kind=c_char), intent(in) :: path(*)
      integer(c_size_t), value :: length
      character(kind=c_char), intent(in), optional :: backend(*)
      integer(c_size_t), value :: backend_length
      logical(c_bool), intent(out) :: existed
      integer(c_int) :: status
    end function
    function fortran_files_copy(files, from, from_length, to, to_length, backend, backend_length) &
      bind(C, name="locum_fortran_files_copy") result(status)
      import
      type(c_ptr), value :: files
      character(kind=c_char), intent(in) :: from(*)
      integer(c_size_t), value :: from_length
      character(kind=c_char), intent(in) :: to(*)
      integer(c_size_t), value :: to_length
      character(kind=c_char), intent(in), optional :: backend(*)
      integer(c_size_t), value :: backend_length
      integer(c_int) :: status
    end function
    function fortran_files_list(files, folder, length, pattern, pattern_length, recursive, folders, backend, backend_length, &
      names, longest) bind(C, name="locum_fortran_files_list") result(status)
      import
      type(c_ptr), value :: files
      character(kind=c_char), intent(in), optional :: folder(*)
      integer(c_size_t), value :: length
      character(kind=c_char), intent(in), optional :: pattern(*)
      integer(c_size_t), value :: pattern_length
      logical(c_bool), value :: recursive, folders
      character(kind=c_char), intent(in), optional :: backend(*)
      integer(c_size_t), value :: backend_length
      type(fortran_names), intent(out) :: names
      integer(c_size_t), intent(out) :: longest
      integer(c_int) :: status
    end function
  end interface

contains

  module procedure session_files
    call finish(fortran_session_files(self%handle, url, len_trim(url, c_size_t), files%handle), stat, errmsg)
  end procedure

  module procedure files_open
    call finish(fortran_files_open(url, len_trim(url, c_size_t), self%handle), stat, errmsg)
  end procedure

  module procedure files_add
    call finish(fortran_files_add(self%handle, name, len_trim(name, c_size_t), url, len_trim(url, c_size_t)), stat, errmsg)
  end procedure

  module procedure files_close
    call finish(fortran_files_close(self%handle), stat, errmsg)
  end procedure

  module procedure files_load_text
    type(c_ptr) :: first
    integer(c_size_t) :: length
    call finish(fortran_files_load_text(self%handle, path, len_trim(path, c_size_t), format, optional_length(format), options, &
      optional_length(options), backend, optional_length(backend), deadline, member, &
      optional_length(member), first, length, view%object), stat, errmsg)
    call point_to_text(first, length, text)
  end procedure

  module procedure files_load_async
    call finish(fortran_files_load_async(self%handle, path, len_trim(path, c_size_t), format, optional_length(format), options, &
      optional_length(options), backend, optional_length(backend), deadline, member, optional_length(member), &
      future%handle), stat, errmsg)
  end procedure

  module procedure files_proxy
    call finish(fortran_files_proxy(self%handle, path, len_trim(path, c_size_t), format, optional_length(format), options, &
      optional_length(options), backend, optional_length(backend), proxy%proxy), stat, errmsg)
  end procedure

  module procedure files_info
    type(fortran_file_info) :: found
    integer(c_int) :: status
    status = fortran_files_info(self%handle, path, len_trim(path, c_size_t), format, optional_length(format), options, &
      optional_length(options), backend, optional_length(backend), found)
    if (status == locum_ok) then
      info%size_bytes = found%size_bytes
      info%type = found%type
      call take_text(found%type_name, found%type_name_length, info%type_name)
      info%shape = found%shape(:found%rank)
      call take_text(found%format, found%format_length, info%format)
      call fortran_file_info_release(found)
    end if
    call finish(status, stat, errmsg)
  end procedure

  module procedure files_members
    type(fortran_view) :: view
    integer(c_size_t) :: count, longest
    integer(c_int) :: status
    status = fortran_files_members(self%handle, path, len_trim(path, c_size_t), format, optional_length(format), options, &
      optional_length(options), backend, optional_length(backend), deadline, member, optional_length(member), view, count, longest)
    if (status == locum_ok) then
      allocate (character(len=longest) :: names(count))
      status = fortran_members_take(view, longest, names)
    else
      allocate (character(len=0) :: names(0))
    end if
    call finish(status, stat, errmsg)
  end procedure

  module procedure files_exists
    integer(c_int32_t) :: found
    call finish(kind_of(self, path, backend, found), stat, errmsg)
    exists = found /= no_file
  end procedure

  module procedure files_is_file
    integer(c_int32_t) :: found
    call finish(kind_of(self, path, backend, found), stat, errmsg)
    is = found == is_a_file
  end procedure

  module procedure files_is_dir
    integer(c_int32_t) :: found
    call finish(kind_of(self, path, backend, found), stat, errmsg)
    is = found == is_a_folder
  end procedure

  function kind_of(files, path, backend, found) result(status)
    class(locum_files), intent(in) :: files
    character(len=*), intent(in) :: path
    character(len=*), intent(in), optional :: backend
    integer(c_int32_t), intent(out) :: found
    integer(c_int) :: status
    status = fortran_files_kind(files%handle, path, len_trim(path, c_size_t), backend, optional_length(backend), found)
  end function

  module procedure files_list
    type(fortran_names) :: list
    integer(c_size_t) :: longest
    integer(c_int) :: status
    status = fortran_files_list(self%handle, folder, optional_length(folder), pattern, optional_length(pattern), &
      optional_bool(recursive), optional_bool(folders), backend, optional_length(backend), list, longest)
    if (status == locum_ok) then
      allocate (character(len=longest) :: paths(list%count))
      call fortran_names_take(list, longest, paths)
    else
      allocate (character(len=0) :: paths(0))
    end if
    call finish(status, stat, errmsg)
  end procedure

  module procedure files_make_dirs
    call finish(fortran_files_make_dirs(self%handle, path, len_trim(path, c_size_t), backend, optional_length(backend)), stat, &
      errmsg)
  end procedure

  module procedure files_remove
    logical(c_bool) :: found
    call finish(fortran_files_remove(self%handle, path, len_trim(path, c_size_t), backend, optional_length(backend), found), stat, &
      errmsg)
    if (present(existed)) existed = found
  end procedure

  module procedure files_copy
    call finish(fortran_files_copy(self%handle, from, len_trim(from, c_size_t), to, len_trim(to, c_size_t), backend, &
      optional_length(backend)), stat, errmsg)
  end procedure

end submodule
