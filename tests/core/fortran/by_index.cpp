// usage: by_index_cxx write|read URL    Writes arrays of C++ under cxx/, or checks those of Fortran under
// fortran/: each value by its indices. by_index.f90 is its counterpart.
#include <array>
#include <chrono>
#include <complex>
#include <cstdint>
#include <cstdio>
#include <locum/core.hpp>
#include <locum/open.hpp>
#include <span>
#include <string>
#include <string_view>

using namespace std::chrono_literals;

namespace {

constexpr std::size_t nz = 2;
constexpr std::size_t ny = 3;
constexpr std::size_t nx = 5;
int failures = 0;

void is_true(bool condition, const char* what) {
  if (!condition) {
    ++failures;
    std::printf("C++: false: %s\n", what);
  }
}

double value(std::size_t z, std::size_t y, std::size_t x) {
  return static_cast<double>(100 * z + 10 * y + x);
}

void write_all(const locum::Store& store) {
  std::array<std::array<std::array<double, nx>, ny>, nz> field{};
  std::array<std::array<std::complex<double>, nz>, ny> numbers{};
  for (std::size_t z = 0; z < nz; ++z) {
    for (std::size_t y = 0; y < ny; ++y) {
      for (std::size_t x = 0; x < nx; ++x) {
        field[z][y][x] = value(z, y, x);
      }
      numbers[y][z] = {static_cast<double>(y), -static_cast<double>(z)};
    }
  }
  const std::array<std::uint16_t, 3> whole{1, 2, 3};
  const std::array<bool, 2> flags{true, false};
  store.put("cxx/field", locum::array(field[0][0].data(), {nz, ny, nx})).value();
  store.put("cxx/number", std::int32_t{42}).value();
  store.put("cxx/text", std::string("a text")).value();
  store.put("cxx/complex", locum::array(numbers[0].data(), {ny, nz})).value();
  store.put("cxx/unsigned", std::span(whole)).value();
  store.put("cxx/flags", std::span(flags)).value();
}

void read_all(const locum::Store& store) {
  const auto field = store.wait<double[]>("fortran/field", {.deadline = 60s}).value();
  is_true(field.extents() == locum::Extents{nz, ny, nx}, "the extents of an array of Fortran");
  const auto elements = field.array();
  for (std::size_t z = 0; z < nz; ++z) {
    for (std::size_t y = 0; y < ny; ++y) {
      for (std::size_t x = 0; x < nx; ++x) {
        is_true(elements(z, y, x) == value(z, y, x), "an element of Fortran");
      }
    }
  }
  const auto box = store
                       .get<double[]>("fortran/field",
                                      {.slab = {.start = {1, 0, 1}, .count = {1, 2, 3}, .stride = {1, 2, 1}}})
                       .value();
  const auto part = box.array();
  for (std::size_t y = 0; y < 2; ++y) {
    for (std::size_t x = 0; x < 3; ++x) {
      is_true(part(0, y, x) == value(1, 2 * y, 1 + x), "an element of a box");
    }
  }
  const auto text = store.get<std::string>("fortran/text").value();
  is_true(*text == "from Fortran", "text is a std::string");
  const auto lines = store.get<char[]>("fortran/lines").value();
  is_true(lines.extents() == locum::Extents{2, 4}, "the extents of an array of text");
  is_true(std::string_view(lines.data(), lines.size()) == "one two ", "an array of text");
  is_true(*store.get<std::complex<float>>("fortran/complex").value() == std::complex<float>(1, -2),
          "a complex number");
  const auto flags = store.get<bool[]>("fortran/flags").value();
  is_true(flags.size() == 2 && !flags[0] && flags[1], "logical values");
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 3) {
    std::puts("usage: by_index_cxx write|read URL");
    return 2;
  }
  const locum::Store store = locum::open(arguments[2]).value();
  (std::string_view(arguments[1]) == "write" ? write_all : read_all)(store);
  return failures == 0 ? 0 : 1;
}
