// A program without MPI, which links locum::serial.
#include <cstdio>
#include <locum/locum.hpp>
#include <string>
#include <vector>

int main() {
  const locum::Store store = locum::open("memory:").value();
  const auto field = store.put_proxy(std::vector<double>{1, 2, 3}).value();
  double sum = 0;
  for (const double one : *locum::proxy<double[]>(field.handle()).get()) {
    sum += one;
  }
  std::printf("locum without MPI: %.0f\n", sum);
}
