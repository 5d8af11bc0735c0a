// A program without MPI, which links locum::serial.
#include <cstdio>
#include <locum/backends.hpp>
#include <locum/locum.hpp>
#include <locum/wrappers.hpp>
#include <string>
#include <vector>

int main() {
  const locum::Store store = locum::open<locum::backends::memory>("memory:").value();
  const auto field = store.put_proxy(std::vector<double>{1, 2, 3}).value();
  double sum = 0;
  for (const double one : *locum::proxy<double[]>(field.handle()).get()) {
    sum += one;
  }
  const auto checked = locum::storage::with_checksum(locum::open_backend("simple:").value());
  const locum::Store wrapped = locum::open_session(checked).value().open("fields").value();
  sum += *wrapped.get<double>(wrapped.put(4.0).value()).value();
  std::printf("locum without MPI: %.0f\n", sum);
}
