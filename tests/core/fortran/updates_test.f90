!> Updates, over the store of a URL, "memory:" without one.
program updates_test
  use, intrinsic :: ieee_arithmetic, only: ieee_quiet_nan, ieee_value
  use, intrinsic :: iso_fortran_env, only: int64, real64
  use check
  use locum
  implicit none
  type(locum_store) :: store
  real(real64), pointer :: one, vector(:), field(:, :)
  real(real64), pointer, contiguous :: packed(:, :)
  real(real64), target :: own(4, 6) = 7
  character(len=:), pointer :: text
  character(len=12), target :: longer = 'more of it  '
  character(len=200) :: url
  type(locum_info) :: info
  type(locum_key) :: key
  type(locum_update) :: update
  integer :: stat, calls
  real(real64) :: back(2, 3), number

  call get_command_argument(1, url)
  if (url == '') url = 'memory:'
  call store%open(url)
  call store%put('one', 2.5_real64)
  do while (store%update('one', one, update, key))
    one = one + 1
  end do
  call store%read(key, number)
  call is_true(number == 3.5_real64 .and. .not. associated(one), 'a scalar')
  call store%info('one', info)
  call is_true(info%key == key, 'the key of an update')

  call store%put('field', reshape([1, 2, 3, 4, 5, 6] * 1.0_real64, [2, 3]))
  do while (store%update('field', packed, update))
    call is_true(all(lbound(packed) == 1) .and. all(shape(packed) == [2, 3]), 'the bounds of the copy')
    packed(2, :) = 2 * packed(2, :)
  end do
  call store%read('field', back)
  call is_true(all([back] == [1, 4, 3, 8, 5, 12] * 1.0_real64), 'an array')
  do while (store%update('field', field, update))
    field => own(1:4:3, 2:6:2)
  end do
  call store%read('field', back)
  call is_true(all(back == 7), 'another array, a section with strides')
  call store%info('field', info)
  call is_true(all(info%shape == [2, 3]), 'its shape')
  call store%put('empty', own(:, 1:0))
  do while (store%update('empty', field, update))
    call is_true(associated(field) .and. size(field) == 0, 'a copy of an empty array')
    field => own(1:4:3, 2:6:2)
  end do
  call store%read('empty', back)
  call is_true(all(back == 7), 'an empty array becomes one that is not')
  do while (store%update('empty', field, update))
    field => own(:, 3:2)
  end do
  call store%info('empty', info)
  call is_true(all(info%shape == [4, 0]), 'an array becomes an empty one')

  call store%put('text', 'some')
  do while (store%update('text', text, update))
    text(:1) = 'S'
  end do
  call is_true(.not. associated(text), 'the pointer of an update of text')
  call expect_text('Some')
  do while (store%update('text', text, update))
    text => longer
  end do
  call expect_text('more of it  ')
  do while (store%update('text', text, update, stat=stat))
    nullify (text)
  end do
  call has_status(stat, locum_cancelled, 'an update of text that is given up')
  call expect_text('more of it  ')
  do while (store%update('one', one, update, stat=stat))
    nullify (one)
  end do
  call has_status(stat, locum_cancelled, 'an update that is given up')
  call is_true(index(locum_error_message(), "'one'") > 0, 'the text names the object')

  ! A loop that was left.
  do while (store%update('one', one, update))
    one = -1
    exit
  end do
  call update%release()
  call update%release(stat)
  call has_status(stat, locum_invalid_argument, 'a second release')
  call store%read('one', number)
  call is_true(number == 3.5_real64, 'what a loop that was left has changed is forgotten')
  call leave_one()
  call store%read('one', number)
  call is_true(number == 3.5_real64, 'an update that ends with its procedure')

  call is_true(.not. store%update('none', one, update, stat=stat), 'an update of nothing is none')
  call has_status(stat, locum_not_found, 'an update of nothing')
  call is_true(.not. store%update('field', one, update, stat=stat), 'nor one of another rank')
  call has_status(stat, locum_type_mismatch, 'an update by a pointer of another rank')
  call is_true(.not. store%update('text', vector, update, stat=stat), 'nor one of another type')
  call has_status(stat, locum_type_mismatch, 'an update of text as numbers')
  call is_true(.not. store%update('one', text, update, stat=stat) .and. .not. associated(text), 'nor one of numbers as text')
  call has_status(stat, locum_type_mismatch, 'an update of a number as text')
  number = ieee_value(number, ieee_quiet_nan)
  call is_true(.not. store%update('one', one, update, deadline=number, stat=stat), 'nor one at no time')
  call has_status(stat, locum_invalid_argument, 'a deadline that is no number')
  do while (store%update('one', one, update, deadline=locum_at_once))
    one = 3.5_real64
  end do
  call is_true(.not. store%update('', one, update, stat=stat), 'nor one of no name')
  call has_status(stat, locum_invalid_argument, 'an update without a name')

  ! What another process does meanwhile, this one does in the loop itself.
  call store%replace('one', 10.0_real64)
  calls = 0
  do while (store%update('one', one, update))
    calls = calls + 1
    if (calls < 3) call store%replace('one', 60.0_real64 * calls)
    one = one + 1
  end do
  call store%read('one', number)
  call is_true(calls == 3 .and. number == 121, 'an update that others overtake')
  calls = 0
  do while (store%update('one', one, update, deadline=0.05_real64, stat=stat))
    calls = calls + 1
    call store%replace('one', one)
  end do
  call has_status(stat, locum_timeout, 'an update that others overtake each time')
  call is_true(calls > 0, 'it was tried')
  do while (store%update('one', one, update, stat=stat))
    call store%evict('one')
  end do
  call has_status(stat, locum_not_found, 'an object that is evicted meanwhile')
  call store%clear()
  call store%close()
  call is_true(.not. store%update('one', one, update, stat=stat), 'nor one in a store that was closed')
  call has_status(stat, locum_invalid_argument, 'an update in a store that was closed')
  call finish_checks(40)

contains

  subroutine leave_one()
    type(locum_update) :: left
    do while (store%update('one', one, left))
      one = -1
      return
    end do
  end subroutine

  subroutine expect_text(expected)
    character(len=*), intent(in) :: expected
    character(len=:), pointer :: stored
    type(locum_view) :: view
    call store%get('text', stored, view)
    call is_true(len(stored) == len(expected) .and. stored == expected, 'text: ' // expected)
    call view%release()
  end subroutine
end program
