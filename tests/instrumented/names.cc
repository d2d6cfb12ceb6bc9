// C++ names of every kind; each function writes down what a person would call it.
#include "../journal.h"

#include <vector>

namespace shapes
{

template <typename T> struct Circle {
    T radius;
    __attribute__((noinline)) explicit Circle(T size) : radius(size)
    {
        CALL_AS(sizeof(T) == sizeof(double) ? "shapes::Circle<double>::Circle(double)"
                                            : "shapes::Circle<int>::Circle(int)");
    }
    __attribute__((noinline)) T area() const
    {
        CALL_AS(sizeof(T) == sizeof(double) ? "shapes::Circle<double>::area() const"
                                            : "shapes::Circle<int>::area() const");
        return radius * radius * 3;
    }
    __attribute__((noinline)) bool operator<(const Circle &other) const
    {
        CALL_AS(sizeof(T) == sizeof(double)
                    ? "shapes::Circle<double>::operator<(shapes::Circle<double> const&) const"
                    : "shapes::Circle<int>::operator<(shapes::Circle<int> const&) const");
        return radius < other.radius;
    }
    __attribute__((noinline)) static void count(int by)
    {
        CALL_AS(sizeof(T) == sizeof(double) ? "shapes::Circle<double>::count(int)"
                                            : "shapes::Circle<int>::count(int)");
        total += by;
    }
    static int total;
};
template <typename T> int Circle<T>::total;

struct Base {
    __attribute__((no_instrument_function)) Base() {}
    virtual int draw() = 0;
};

struct Square final : Base {
    __attribute__((noinline)) Square() { CALL_AS("shapes::Square::Square()"); }
    __attribute__((noinline)) int draw() override
    {
        CALL_AS("shapes::Square::draw()");
        return 4;
    }
};

} // namespace shapes

__attribute__((noinline)) static int sum(const std::vector<int> *values)
{
    CALL_AS("sum(std::vector<int, std::allocator<int> > const*)");
    return values != nullptr;
}

template <typename First, typename... Rest> __attribute__((noinline)) int many(First, Rest...)
{
    CALL_AS("int many<int, char, double>(int, char, double)");
    return sizeof...(Rest);
}

__attribute__((noinline)) static int operator""_squared(unsigned long long number)
{
    CALL_AS("operator\"\" _squared(unsigned long long)");
    return static_cast<int>(number * number);
}

extern "C" __attribute__((noinline)) int plain_c(void)
{
    CALL_AS("plain_c");
    return 1;
}

// Without an entry of its own, which the lambda's would shadow.
__attribute__((no_instrument_function)) static int with_lambda(int result)
{
    auto lambda = [&](int more) __attribute__((noinline))
    {
        CALL_AS("with_lambda(int)::{lambda(int)#1}::operator()(int) const");
        return result + more;
    };
    return lambda(1);
}

int main()
{
    CALL_AS("main");
    shapes::Circle<double> round(2.0), other(3.0);
    shapes::Circle<int> whole(2);
    shapes::Square square;
    shapes::Base *base = &square;
    int result = static_cast<int>(round.area()) + whole.area() + (round < other) + base->draw();
    shapes::Circle<int>::count(3);
    shapes::Circle<double>::count(4);
    result += sum(nullptr) + many(1, 'x', 2.0) + 12_squared + plain_c();
    return with_lambda(result) > 100000 ? 1 : journal_print();
}
