!> What a program in Fortran does ten thousands of times leaves nothing: memory of the process, descriptors, objects. In a module, whose
!> procedures are passed as arguments without code on the stack.
module leaks
  use, intrinsic :: iso_c_binding, only: c_int, c_size_t
  use, intrinsic :: iso_fortran_env, only: int32, int64, real64
  use check
  use locum
  implicit none
  private
  public :: check_all

  type, bind(c) :: heap_state
    integer(c_size_t) :: arena, ordblks, smblks, hblks, hblkhd, usmblks, fsmblks, uordblks, fordblks, keepcost
  end type
  interface
    function mallinfo2() bind(c)
      import heap_state
      type(heap_state) :: mallinfo2
    end function
  end interface

  abstract interface
    subroutine action()
    end subroutine
  end interface

  integer, parameter :: elsewhere = 8192
  type(locum_store) :: store
  type(locum_files) :: files
  type(locum_zarr) :: zarr
  real(real64) :: small(4, 3)
  integer :: times = 0

contains

  subroutine check_all()
    character(len=20) :: argument
    integer :: at
    times = 10000
    call get_command_argument(1, argument)
    if (argument /= '') read (argument, *) times
    small = reshape([(real(at, real64), at=1, 12)], [4, 3])
    call store%open('memory:')
    call store%put('T', small)
    call store%put('text', 'a text')

    call leaves_nothing('put and evict', put_and_evict)
    call leaves_nothing('replace of a section', replace_section)
    call leaves_nothing('create and seal', create_and_seal)
    call leaves_nothing('create and discard', create_and_discard)
    call leaves_nothing('a writer that ends with its procedure', writer_ends)
    call leaves_nothing('get and release', get_and_release)
    call leaves_nothing('a view that ends with its procedure', view_ends)
    call leaves_nothing('get by key and wait', get_by_key_and_wait)
    call leaves_nothing('text', get_text)
    call leaves_nothing('read of a box', read_box)
    call leaves_nothing('not_found', not_found)
    call leaves_nothing('type_mismatch', type_mismatch)
    call leaves_nothing('key_exists', key_exists)
    call leaves_nothing('metadata', metadata)
    call leaves_nothing('collection', collection)
    call leaves_nothing('a batch', batch)
    call leaves_nothing('a future', future_of_get)
    call leaves_nothing('a future of what is missing', future_of_nothing)
    call leaves_nothing('a stand-in', stand_in)
    call leaves_nothing('a stand-in of a handle that is not used', unused_stand_in)
    call leaves_nothing('a promise', promise)
    call files%open('memory:')
    call files%save('T.npy', small)
    call files%save('table.csv', small)
    call files%save('members.json', '{"in": {"number": 40, "name": "cg"}, "names": ["a", "b"]}', format='text')
    call leaves_nothing('load and release', load_and_release)
    call leaves_nothing('read of a box of a file', read_file)
    call leaves_nothing('what is in a file', file_info)
    call leaves_nothing('files of another type', file_mismatch)
    call leaves_nothing('a list of files', list_files)
    call leaves_nothing('members of files', file_members)
    call zarr%create(files, 'T.zarr', locum_f64, [4, 3], chunks=[2, 3], codecs='', dimensions=['x', 'y'], &
      attributes='{"unit": "K"}')
    call leaves_nothing('an array of Zarr', array_of_zarr)
    call leaves_nothing('attributes of Zarr', attributes_of_zarr)
    call zarr%close()
    call leaves_nothing('an experiment', an_experiment)
    call files%close()
    call is_true(leaked_by(leak) > 16_int64 * times, 'a view that is kept is found')
    call store%close()
    call finish_checks(20)
  end subroutine

  function heap_bytes() result(bytes)
    integer(int64) :: bytes
    type(heap_state) :: state
    state = mallinfo2()
    bytes = int(state%uordblks + state%hblkhd, int64)
  end function

  !> The lowest descriptor that is free: one that was opened and not closed takes its place.
  function free_descriptor() result(number)
    interface
      function dup(descriptor) bind(c)
        import c_int
        integer(c_int), value :: descriptor
        integer(c_int) :: dup
      end function
      function close_descriptor(descriptor) bind(c, name='close')
        import c_int
        integer(c_int), value :: descriptor
        integer(c_int) :: close_descriptor
      end function
    end interface
    integer(c_int) :: number
    number = dup(0_c_int)
    call is_true(close_descriptor(number) == 0, 'a free descriptor')
  end function

  function leaked_by(do) result(bytes)
    procedure(action) :: do
    integer(int64) :: bytes
    integer :: time
    do time = 1, times / 5
      call do()
    end do
    bytes = heap_bytes()
    do time = 1, times
      call do()
    end do
    bytes = heap_bytes() - bytes
  end function

  subroutine leaves_nothing(what, do)
    character(len=*), intent(in) :: what
    procedure(action) :: do
    integer(int64) :: bytes, objects
    integer :: descriptor
    descriptor = free_descriptor()
    objects = store%size()
    bytes = leaked_by(do)
    print '(a,a,i0,a,i0,a)', what, ', ', times, ' times, leaves ', bytes, ' bytes'
    call is_true(bytes <= times + elsewhere, what // ' leaves memory')
    call is_true(store%size() <= objects + 1, what // ' leaves objects')
    call is_true(free_descriptor() == descriptor, what // ' leaves descriptors')
  end subroutine

  subroutine put_and_evict()
    type(locum_key) :: key
    call store%put_unnamed(small, key)
    call store%evict(key)
    call store%put('p', 5)
    call store%evict('p')
  end subroutine

  subroutine replace_section()
    call store%replace('q', small(1:4:2, 2:3))
  end subroutine

  subroutine create_and_seal()
    real(real64), pointer :: p(:, :)
    type(locum_writer) :: writer
    call store%create('c', p, [4, 3], writer)
    p = small
    call writer%seal()
    call store%evict('c')
  end subroutine

  subroutine create_and_discard()
    real(real64), pointer :: p(:, :)
    type(locum_writer) :: writer
    call store%create('c', p, [4, 3], writer)
    call writer%discard()
  end subroutine

  subroutine writer_ends()
    real(real64), pointer :: p(:)
    type(locum_writer) :: writer
    call store%create('c', p, [3], writer)
  end subroutine

  subroutine get_and_release()
    real(real64), pointer :: p(:, :)
    type(locum_view) :: view
    call store%get('T', p, view)
    call view%release()
  end subroutine

  subroutine view_ends()
    real(real64), pointer :: p(:, :)
    type(locum_view) :: view
    call store%get('T', p, view)
  end subroutine

  subroutine get_by_key_and_wait()
    real(real64), pointer :: p(:, :)
    type(locum_view) :: view
    type(locum_key) :: key
    call store%wait('T', p, view)
    key = view%key()
    call view%release()
    call store%get(key, p, view)
    call view%release()
  end subroutine

  subroutine get_text()
    character(len=:), pointer :: text
    type(locum_view) :: view
    call store%get('text', text, view)
    call view%release()
    call store%replace('text', 'another text')
  end subroutine

  subroutine read_box()
    real(real64) :: box(2, 1)
    call store%read('T', box, start=[1, 2], stride=[2, 1])
  end subroutine

  subroutine not_found()
    real(real64), pointer :: p(:, :)
    type(locum_view) :: view
    integer :: stat
    character(len=60) :: message
    call store%get('missing', p, view, stat=stat, errmsg=message)
    if (stat /= locum_not_found) call is_true(.false., 'a missing object')
  end subroutine

  subroutine type_mismatch()
    integer(int32), pointer :: p(:, :)
    real(real64), pointer :: q(:)
    type(locum_view) :: view
    integer :: stat
    character(len=:), allocatable :: message
    call store%get('T', p, view, stat=stat)
    if (stat /= locum_type_mismatch) call is_true(.false., 'another type')
    call store%get('T', q, view, stat=stat)
    message = locum_error_message()
    if (stat /= locum_type_mismatch .or. len(message) == 0) call is_true(.false., 'another rank')
  end subroutine

  subroutine key_exists()
    integer :: stat
    call store%put('T', small, stat=stat)
    if (stat /= locum_key_exists) call is_true(.false., 'a name that is in use')
  end subroutine

  subroutine metadata()
    type(locum_info) :: info
    character(len=:), allocatable :: names(:)
    call store%info('T', info)
    call store%keys(names)
    if (info%size_bytes /= 96 .or. size(names) < 2) call is_true(.false., 'metadata')
  end subroutine

  subroutine collection()
    type(locum_store) :: part
    call store%collection('part', part)
    call part%close()
  end subroutine

  subroutine batch()
    type(locum_view) :: views(2)
    real(real64), pointer :: p(:, :)
    integer :: stats(2)
    call store%get_batch(['T      ', 'missing'], views, stats)
    call views(1)%get(p)
    call views(1)%release()
  end subroutine

  subroutine future_of_get()
    type(locum_future) :: future
    type(locum_view) :: view
    real(real64), pointer :: p(:, :)
    call store%get_async('T', future)
    call future%get(p, view)
    call view%release()
    call future%release()
  end subroutine

  subroutine future_of_nothing()
    type(locum_future) :: future
    integer :: stat
    call store%get_async('missing', future, stat=stat)
    call future%wait(stat=stat)
    call future%release()
  end subroutine

  subroutine stand_in()
    type(locum_proxy) :: proxy
    type(locum_view) :: view
    real(real64), pointer :: p(:, :)
    call store%proxy('T', proxy)
    call proxy%get(p, view)
    call view%release()
    call proxy%release()
  end subroutine

  subroutine unused_stand_in()
    type(locum_proxy) :: proxy, other
    call store%proxy('T', proxy)
    call other%open(proxy%handle())
    call proxy%release()
    call other%release()
  end subroutine

  subroutine promise()
    type(locum_promise) :: made
    type(locum_proxy) :: proxy
    call store%promise('promised', made)
    call made%proxy(proxy)
    call made%set(small)
    call made%release()
    call proxy%release()
    call store%evict('promised')
  end subroutine

  subroutine load_and_release()
    real(real64), pointer :: p(:, :)
    type(locum_view) :: view
    call files%load('T.npy', p, view)
    call view%release()
  end subroutine

  subroutine read_file()
    real(real64) :: box(2, 1)
    call files%read('T.npy', box, start=[1, 2], stride=[2, 1])
  end subroutine

  subroutine file_info()
    type(locum_file_info) :: info
    call files%info('T.npy', info)
    if (info%size_bytes /= 128 + 96 .or. info%format /= 'npy') call is_true(.false., 'what is in a file')
  end subroutine

  subroutine file_mismatch()
    integer(int32), pointer :: p(:, :)
    real(real64) :: other(4)
    type(locum_view) :: view
    integer :: stat
    call files%load('T.npy', p, view, stat=stat)
    if (stat /= locum_type_mismatch) call is_true(.false., 'a file of another type')
    call files%load('table.csv', p, view, stat=stat)
    if (stat /= locum_type_mismatch) call is_true(.false., 'a table')
    call files%read('T.npy', other, stat=stat)
    if (stat /= locum_type_mismatch) call is_true(.false., 'a file of another rank')
  end subroutine

  subroutine list_files()
    character(len=:), allocatable :: paths(:)
    call files%list(paths)
    if (size(paths) /= 3) call is_true(.false., 'a list of files')
  end subroutine

  subroutine array_of_zarr()
    type(locum_zarr) :: opened
    type(locum_zarr_info) :: info
    character(len=:), allocatable :: names(:)
    real(real64) :: back(4, 3)
    integer :: stat
    call opened%open(files, 'T.zarr')
    call opened%write(small)
    call opened%read(back)
    call opened%read(back(:, :2), start=[2, 1], stat=stat)
    call opened%info(info)
    call opened%dimensions(names)
    call opened%close()
  end subroutine

  subroutine attributes_of_zarr()
    character(len=8) :: unit
    integer :: stat
    call zarr%set_attributes('{"unit": "metre", "in": {"n": 1}}')
    call zarr%get_attribute('unit', unit)
    call zarr%get_attribute('none', unit, stat=stat)
    call zarr%set_attributes('{', stat=stat)
  end subroutine

  subroutine an_experiment()
    type(locum_experiment) :: e
    type(locum_view) :: view
    character(len=:), allocatable :: names(:)
    real(real64), pointer :: T(:, :)
    real(real64) :: dt
    integer :: stat
    call e%open(files, 'e')
    call e%set('parameters/dt', 0.1_real64)
    call e%set('T', small)
    call e%set('texts', ['a', 'b'])
    call e%read('parameters/dt', dt)
    call e%read('parameters/none', dt, stat=stat)
    call e%get('T', T, view)
    call view%release()
    call e%names(names)
    call e%names(names, 'parameters')
    call e%close()
  end subroutine

  subroutine file_members()
    character(len=:), allocatable :: names(:)
    character(len=:), pointer :: text
    character(len=1) :: letters(2)
    integer(int32) :: number
    type(locum_view) :: view
    integer :: stat
    call files%members('members.json', names)
    call files%members('members.json', names, member='in')
    call files%members('members.json', names, member='names', stat=stat)
    call files%read('members.json', number, member='in/number')
    call files%load('members.json', text, view, member='in/name')
    if (size(names) /= 0 .or. number /= 40 .or. text /= 'cg') call is_true(.false., 'members of a file')
    call view%release()
    call files%read('members.json', letters, member='names')
    call files%load('members.json', text, view, member='in', stat=stat)
    if (stat /= locum_type_mismatch) call is_true(.false., 'members that are no text')
    call files%read('members.json', number, member='in/x', stat=stat)
    if (stat /= locum_not_found) call is_true(.false., 'no such member')
  end subroutine

  subroutine leak()
    real(real64), pointer :: p(:, :)
    type(locum_view), pointer :: view
    allocate (view)
    call store%get('T', p, view)
  end subroutine
end module

program leaks_test
  use leaks
  implicit none
  call check_all()
end program
