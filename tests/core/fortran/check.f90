!> Checks of the tests in Fortran. A failed one is printed, and the program goes on; finish_checks() ends it with a status.
module check
  use, intrinsic :: iso_c_binding, only: c_bool
  use locum
  implicit none
  private
  public :: is_true, has_status, finish_checks

  interface is_true
    procedure :: default_is_true, c_is_true
  end interface

  integer :: failures = 0
  integer :: checks = 0

contains

  subroutine default_is_true(condition, what)
    logical, intent(in) :: condition
    character(len=*), intent(in) :: what
    checks = checks + 1
    if (condition) return
    failures = failures + 1
    print '(a)', 'false: ' // what // ' (last error: ' // locum_error_message() // ')'
  end subroutine

  subroutine c_is_true(condition, what)
    logical(c_bool), intent(in) :: condition
    character(len=*), intent(in) :: what
    call default_is_true(logical(condition), what)
  end subroutine

  !> Checks a status, and that an error has a text which begins with its name.
  subroutine has_status(stat, expected, what)
    integer, intent(in) :: stat, expected
    character(len=*), intent(in) :: what
    call is_true(stat == expected, what // ': returned ' // locum_status_name(stat) // ', expected ' // locum_status_name(expected))
    if (stat /= expected .or. stat == locum_ok) return
    call is_true(index(locum_error_message(), locum_status_name(stat) // ': ') == 1, what // ': the text is of another error')
  end subroutine

  subroutine finish_checks(least)
    integer, intent(in) :: least
    print '(i0,a,i0,a)', checks, ' checks, ', failures, ' failures'
    if (checks < least) error stop 'too few checks were made'
    if (failures > 0) stop 1
  end subroutine
end module
