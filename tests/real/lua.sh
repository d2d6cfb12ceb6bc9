# needs: lua5.4
# quick
# trace: folded
# Tables, coroutines, popen, files, and an error that ends it.
cat >program.lua <<'P'
local t = {} for i = 1, 20000 do t[#t + 1] = tostring(i) end
table.sort(t) print(#table.concat(t), t[1], t[#t])
local c = coroutine.wrap(function() for i = 1, 5 do coroutine.yield(i * i) end end)
for _ = 1, 5 do io.write(c(), " ") end print()
local p = io.popen("cat /etc/hostname | wc -l; exit 3") print(p:read("a"), p:close())
print(os.execute("exit 4")) print(pcall(error, "caught"))
local f = io.open("file", "w") for i = 1, 1000 do f:write(i, "\n") end f:close()
local n = 0 for line in io.lines("file") do n = n + #line end print(n)
print(select("#", string.byte(("x"):rep(200), 1, -1))) print(string.format("%5.2f %q", 3.14159, "a\nb"))
setmetatable({}, {__gc = function() print("gc") end}) collectgarbage()
os.exit(6, true)
P
lua5.4 program.lua || echo "status $?"
lua5.4 -e 'error("uncaught")' 2>&1 || echo "status $?"
