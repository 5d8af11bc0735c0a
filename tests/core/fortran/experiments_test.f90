!> Experiments: what a program in Fortran keeps and finds again.
program experiments_test
  use, intrinsic :: iso_c_binding, only: c_bool, c_char, c_int, c_null_char
  use, intrinsic :: iso_fortran_env, only: int32, int64, real32, real64
  use check
  use locum
  implicit none

  call fields('memory:')
  call in_a_folder()
  call others()
  call mistakes()
  call finish_checks(97)

contains

  subroutine fields(url)
    character(len=*), intent(in) :: url
    type(locum_files) :: files
    type(locum_experiment) :: e, again, copy
    type(locum_view) :: view
    real(real64) :: T(40, 30), back(40, 30), column(1, 30), dt
    real(real64), pointer :: p(:, :)
    real(real32) :: single
    complex(real32) :: phase
    integer(int64) :: steps
    integer(int64), pointer :: number
    integer(int32) :: few
    character(len=:), allocatable :: names(:)
    character(len=:), pointer :: text
    character(len=8) :: word
    character(len=4) :: axes(3), read_axes(3)
    character(len=300) :: message
    integer :: x, y, stat
    logical(c_bool) :: is
    logical :: existed
    T = reshape([((10 * y + x, x=1, 40), y=1, 30)], shape(T)) * 1.0_real64
    axes = ['x   ', 'y   ', 'time']
    call files%open(url)
    call e%open(files, 'e17  ', commit='abc', outside_bytes=1000_int64)
    call e%set('parameters/dt', 0.1_real64)
    call e%set('parameters/solver/steps', 40)
    call e%set('parameters/name', 'cavity')
    call e%set('single/half', 0.1_real32)
    call e%set('single/phase', (1.0_real32, 0.1_real32))
    call e%set('parameters/periodic', .true._c_bool)
    call e%set('result/T', T(:, 1:30))
    call e%set('axes', axes)
    call e%set('note', 'as it is  ')
    call e%read('parameters/dt', dt)
    call is_true(dt == 0.1_real64, 'before it is persisted')
    call e%set_status('done')
    call e%persist()

    call again%open(files, 'e17')
    call again%names(names)
    call is_true(size(names) == 5 .and. len(names) == 10, 'as many names as fields')
    call is_true(all(names == [character(len=10) :: 'axes', 'note', 'parameters', 'result', 'single']), 'names of fields')
    call again%names(names, 'parameters ')
    call is_true(all(names == [character(len=8) :: 'dt', 'solver', 'name', 'periodic']), 'names of members')
    call again%read('parameters/dt', dt)
    call again%read('parameters/solver/steps', steps)
    call again%read('parameters/solver/steps', few)
    call again%read('parameters/periodic', is)
    call is_true(dt == 0.1_real64 .and. steps == 40 .and. few == 40 .and. is, 'numbers')
    call again%read('single/half', single)
    call again%read('single/phase', phase)
    call is_true(single == 0.1_real32 .and. phase == (1.0_real32, 0.1_real32), 'numbers of single precision')
    call again%get('parameters/solver/steps', number, view)
    call is_true(number == 40, 'an integer has 8 bytes')
    call view%release()
    call again%read('parameters/name', word)
    call is_true(word == 'cavity', 'a text')
    call again%get('note', text, view)
    call is_true(text == 'as it is' .and. len(text) == 10, 'a text in place')
    call view%release()
    call again%read('axes', read_axes)
    call is_true(all(read_axes == axes), 'texts')
    call again%read('result/T', back)
    call is_true(all(back == T), 'an array')
    call again%read('result/T', column, start=[40, 1])
    call is_true(all(column(1, :) == T(40, :)), 'a box of it')
    call again%get('result/T', p, view)
    call is_true(all(shape(p) == [40, 30]) .and. all(p == T), 'an array in place')
    call again%copy('e18', copy)
    call again%close()
    call is_true(p(40, 30) == T(40, 30), 'the view stays')
    call view%release()
    call copy%read('parameters/dt', dt)
    call copy%set('parameters/dt', 2 * dt)
    call copy%persist()
    call e%read('parameters/dt', dt)
    call is_true(dt == 0.1_real64, 'the first one is as it was')
    call copy%read('parameters/dt', dt)
    call is_true(dt == 0.2_real64, 'the copy is another one')
    call e%copy('e18', again, stat=stat)
    call has_status(stat, locum_key_exists, 'an ID that is in use')
    call copy%erase('note', existed)
    call is_true(existed, 'it was there')
    call copy%erase('note', existed)
    call is_true(.not. existed, 'it is gone')
    call copy%reload()
    call copy%get('note', text, view)
    call is_true(text == 'as it is', 'until it is persisted')
    call view%release()

    call e%read('parameters/dtt', dt, stat=stat, errmsg=message)
    call has_status(stat, locum_not_found, 'no such member')
    call is_true(index(message, 'dt') > 0 .and. index(message, 'solver') > 0, 'the text names those that there are: ' // message)
    call e%read('parameter', dt, stat=stat, errmsg=message)
    call has_status(stat, locum_not_found, 'no such field')
    call is_true(index(message, 'there are axes, note, parameters, result, single') > 0, message)
    call e%read('parameters', dt, stat=stat, errmsg=message)
    call has_status(stat, locum_type_mismatch, 'members are no number')
    call is_true(index(message, 'parameters/dt') > 0, message)
    call e%read('parameters/dt', single, stat=stat)
    call has_status(stat, locum_type_mismatch, 'a number that is not exact')
    call e%read('result/T', column, stat=stat, errmsg=message)
    call has_status(stat, locum_invalid_argument, 'an array of another shape')
    call is_true(index(message, '40 x 30') > 0 .and. index(message, '1 x 30') > 0, message)
    call e%get('note', p, view, stat=stat)
    call has_status(stat, locum_type_mismatch, 'a text by a pointer to numbers')
    call e%get('parameters', text, view, stat=stat)
    call has_status(stat, locum_type_mismatch, 'members by a pointer to text')
    call is_true(.not. associated(text) .and. .not. view%is_held(), 'nothing is held')
    call e%set('parameters/dt/unit', 's', stat=stat)
    call has_status(stat, locum_type_mismatch, 'a number has no members')
    call e%names(names, 'note', stat=stat)
    call has_status(stat, locum_type_mismatch, 'a text has no members')
    call is_true(size(names) == 0, 'no names')
    call e%set_status('nothing', stat=stat)
    call has_status(stat, locum_invalid_argument, 'no such status')
    call e%set_status('failed', 'the mesh is tangled')
    call e%remove(existed)
    call is_true(existed, 'removed')
    call e%remove(existed)
    call is_true(.not. existed, 'once')
    call copy%remove()
    call copy%close()
    call e%close()
    call files%close()
  end subroutine

  !> By a URL: the folder is made by the first persist.
  subroutine in_a_folder()
    interface
      function remove(path) bind(C)
        import :: c_char, c_int
        character(kind=c_char), intent(in) :: path(*)
        integer(c_int) :: remove
      end function
    end interface
    type(locum_experiment) :: e, none
    type(locum_files) :: files
    real(real64) :: value
    logical :: is_there
    integer :: stat
    call e%open('run', 'file:fortran_experiments?sync=0')
    call e%set('dt', 0.5_real64)
    inquire (file='fortran_experiments/.', exist=is_there)
    call is_true(.not. is_there, 'nothing was made yet')
    call e%persist()
    inquire (file='fortran_experiments/run/experiment.json', exist=is_there)
    call is_true(is_there, 'a folder of its own')
    call none%open('other', 'file:fortran_experiments?sync=0')
    call none%reload(stat=stat)
    call has_status(stat, locum_not_found, 'an experiment that was never persisted')
    call none%close()
    call files%open('file:fortran_experiments?sync=0')
    call none%open(files, 'run')
    call none%read('dt', value)
    call is_true(value == 0.5, 'the same in files')
    call none%close()
    call files%close()
    call e%remove()
    call e%close()
    is_there = remove('fortran_experiments/experiments.sqlite' // c_null_char) == 0  ! in builds that have it
    is_there = remove('fortran_experiments/.lock' // c_null_char) == 0
    call is_true(remove('fortran_experiments/.tmp' // c_null_char) == 0, 'nothing else is left')
    call is_true(remove('fortran_experiments' // c_null_char) == 0, 'nor in the folder')
  end subroutine

  subroutine others()
    type(locum_files) :: files
    type(locum_experiment) :: first, second
    integer(int32) :: a
    integer :: stat
    call files%open('memory:')
    call first%open(files, 'e')
    call second%open(files, 'e')
    call first%set('a', 1)
    call first%persist()
    call second%set('a', 2)
    call second%persist(stat)
    call has_status(stat, locum_stale, 'another program has persisted')
    call second%reload()
    call second%read('a', a)
    call is_true(a == 1, 'what the other one has set')
    call second%open(files, 'f', stat=stat)
    call has_status(stat, locum_invalid_argument, 'a variable that is in use')
    call first%copy('g', second, stat=stat)
    call has_status(stat, locum_invalid_argument, 'a copy into a variable that is in use')
    call first%close()
    call second%close()
    call files%close()
  end subroutine

  subroutine mistakes()
    type(locum_files) :: files
    type(locum_experiment) :: e, other
    type(locum_view) :: view
    character(len=:), allocatable :: names(:)
    character(len=:), pointer :: text
    real(real64), pointer :: p
    real(real64) :: one
    integer :: stat
    logical :: existed
    call files%open('memory:')
    call e%open(files, '../e', stat=stat)
    call has_status(stat, locum_invalid_argument, 'no name of a folder')
    call e%open(files, 'e', backend='none', stat=stat)
    call has_status(stat, locum_not_found, 'no such backend')
    call e%open(files, 'e', outside_bytes=0_int64, stat=stat)
    call has_status(stat, locum_invalid_argument, 'no size')
    call e%open('e', 'papyrus:', stat=stat)
    call is_true(stat /= locum_ok, 'no such URL')
    call e%open('e' // char(0), 'memory:', stat=stat)
    call has_status(stat, locum_invalid_argument, 'an ID with char(0)')
    call e%set('a', 1, stat=stat)
    call has_status(stat, locum_invalid_argument, 'set in an experiment that is not open')
    call e%read('a', one, stat=stat)
    call has_status(stat, locum_invalid_argument, 'read in an experiment that is not open')
    call e%get('a', p, view, stat=stat)
    call has_status(stat, locum_invalid_argument, 'get in an experiment that is not open')
    call e%get('a', text, view, stat=stat)
    call has_status(stat, locum_invalid_argument, 'a text of an experiment that is not open')
    call e%names(names, stat=stat)
    call has_status(stat, locum_invalid_argument, 'names of an experiment that is not open')
    call e%erase('a', existed, stat)
    call has_status(stat, locum_invalid_argument, 'erase in an experiment that is not open')
    call is_true(.not. existed, 'nothing existed')
    call e%set_status('done', stat=stat)
    call has_status(stat, locum_invalid_argument, 'status of an experiment that is not open')
    call e%persist(stat)
    call has_status(stat, locum_invalid_argument, 'persist of an experiment that is not open')
    call e%reload(stat)
    call has_status(stat, locum_invalid_argument, 'reload of an experiment that is not open')
    call e%copy('f', other, stat)
    call has_status(stat, locum_invalid_argument, 'copy of an experiment that is not open')
    call e%remove(existed, stat)
    call has_status(stat, locum_invalid_argument, 'remove of an experiment that is not open')
    call e%close(stat)
    call has_status(stat, locum_invalid_argument, 'close of an experiment that is not open')
    call files%close()
  end subroutine
end program
